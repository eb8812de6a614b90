{{/* Rejects values that contradict each other. values.schema.json validates each value by itself. */}}
{{- define "rolebridge.validate" -}}
{{- if not .Values.enabled }}
  {{- fail "enabled=false has no effect, because no condition of a dependency names it. Fix: add `condition: rolebridge.enabled` to the dependency in the umbrella chart, or uninstall the release." }}
{{- end }}
{{- include "rolebridge.validate.names" . }}
{{- $certificates := .Values.certificates }}
{{- if eq $certificates.mode "secret" }}
  {{- if not $certificates.secret.name }}
    {{- fail "certificates.secret.name: expected the name of a Secret of type kubernetes.io/tls in the release's namespace, for certificates.mode=secret" }}
  {{- end }}
  {{- if not (or $certificates.secret.caBundle (regexMatch "cert-manager.io/inject-" (keys .Values.admission.annotations | join " "))) }}
    {{- fail "certificates.secret.caBundle: expected the CA of the certificate in PEM, for certificates.mode=secret. Fix: --set-file certificates.secret.caBundle=ca.crt, or let cert-manager write it by an annotation in admission.annotations." }}
  {{- end }}
{{- else if or $certificates.secret.name $certificates.secret.caBundle }}
  {{- fail (printf "certificates.secret has no effect with certificates.mode=%s. Fix: set certificates.mode=secret, or remove it." $certificates.mode) }}
{{- end }}
{{- if eq $certificates.mode "managed" }}
  {{- include "rolebridge.validate.managed" $certificates.managed }}
{{- end }}
{{- if eq $certificates.mode "cert-manager" }}
  {{- include "rolebridge.validate.certManager" $certificates.certManager }}
{{- else if compact (values $certificates.certManager.issuerRef) }}
  {{- fail (printf "certificates.certManager.issuerRef has no effect with certificates.mode=%s. Fix: set certificates.mode=cert-manager, or remove it." $certificates.mode) }}
{{- end }}
{{- if eq (int .Values.webhook.port) (int .Values.webhook.healthPort) }}
  {{- fail (printf "webhook.healthPort: expected a port other than webhook.port, found %d for both" (int .Values.webhook.port)) }}
{{- end }}
{{- range $name := list "allowedCIDRs" "apiServerCIDRs" }}
  {{- if and $.Values.webhook.hostNetwork (get $.Values.networkPolicy $name) }}
    {{- fail (printf "networkPolicy.%s has no effect with webhook.hostNetwork, because no NetworkPolicy applies to such pods. Fix: restrict the nodes in their security group." $name) }}
  {{- end }}
{{- end }}
{{- include "rolebridge.validate.monitoring" . }}
{{- include "rolebridge.validate.scope" .Values.admission }}
{{- if and (eq .Values.networkPolicy.flavor "cilium") .Values.networkPolicy.metricsPeers }}
  {{- fail "networkPolicy.metricsPeers has no effect with networkPolicy.flavor=cilium. Fix: set networkPolicy.metricsNamespaces, or add a policy to extraObjects." }}
{{- end }}
{{- include "rolebridge.validate.labels" (dict "origin" "commonLabels" "labels" (default dict .Values.commonLabels)) }}
{{- include "rolebridge.validate.labels" (dict "origin" "webhook.podLabels" "labels" (default dict .Values.webhook.podLabels)) }}
{{- range $origin, $labels := dict "webhook.labels" .Values.webhook.labels "webhook.service.labels" .Values.webhook.service.labels "admission.labels" .Values.admission.labels }}
  {{- include "rolebridge.validate.labels" (dict "origin" $origin "labels" (default dict $labels)) }}
{{- end }}
{{- range $name, $monitoring := .Values.monitoring }}
  {{- include "rolebridge.validate.labels" (dict "origin" (printf "monitoring.%s.labels" $name) "labels" (default dict $monitoring.labels)) }}
{{- end }}
{{- $autoscaling := .Values.webhook.autoscaling }}
{{- if and $autoscaling.enabled (gt (int $autoscaling.minReplicas) (int $autoscaling.maxReplicas)) }}
  {{- fail (printf "webhook.autoscaling.maxReplicas: expected at least minReplicas (%d), found %d" (int $autoscaling.minReplicas) (int $autoscaling.maxReplicas)) }}
{{- end }}
{{- if and $autoscaling.enabled (not (dig "requests" "cpu" "" .Values.webhook.resources)) }}
  {{- fail "webhook.resources.requests.cpu: expected a CPU request, because webhook.autoscaling measures usage relative to it" }}
{{- end }}
{{- $budget := .Values.webhook.podDisruptionBudget }}
{{- if and $budget.enabled (not $budget.maxUnavailable) (ge (int $budget.minAvailable) (int (include "rolebridge.replicas" .))) (gt (int (include "rolebridge.replicas" .)) 1) }}
  {{- fail (printf "webhook.podDisruptionBudget.minAvailable: expected less than the number of replicas (%s), found %d: their nodes could not be drained" (include "rolebridge.replicas" .) (int $budget.minAvailable)) }}
{{- end }}
{{- range .Values.admission.excludedNamespaces }}
  {{- if eq . (include "rolebridge.namespace" $) }}
    {{- fail (printf "admission.excludedNamespaces: remove %s, because the release's own namespace is always excluded" .) }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Of duplicate labels only one applies, so the Deployment's selector might not match its pods. */}}
{{- define "rolebridge.validate.labels" -}}
{{- range list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" }}
  {{- if hasKey $.labels . }}
    {{- fail (printf "%s: remove the label %s, because the chart sets it" $.origin .) }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What the API server would reject. Helm refuses capitals in the name of a release. `lookup` finds nothing in `helm template`, so NOTES.txt says it too. */}}
{{- define "rolebridge.validate.names" -}}
{{- $name := include "rolebridge.fullname" . }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" (lower $name)) }}
  {{- fail (printf "the full name of objects: expected the name of a Service (lower-case letters, digits and -, beginning with a letter), found %s. Fix: set fullnameOverride." $name) }}
{{- end }}
{{- if .Values.webhook.hostNetwork }}
  {{- $namespace := include "rolebridge.namespace" . }}
  {{- $level := dig "metadata" "labels" "pod-security.kubernetes.io/enforce" "" (lookup "v1" "Namespace" "" $namespace) }}
  {{- if has $level (list "baseline" "restricted") }}
    {{- fail (printf "webhook.hostNetwork: the namespace %s enforces the Pod Security Standard %s, which refuses its pods. Fix: label the namespace pod-security.kubernetes.io/enforce=privileged." $namespace $level) }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "rolebridge.validate.scope" -}}
{{- if hasKey (default dict .namespaceSelector.matchLabels) "rolebridge.io/inject" }}
  {{- fail "admission.namespaceSelector.matchLabels: remove rolebridge.io/inject, because the chart selects by it" }}
{{- end }}
{{- $names := list "opted-in" "not-a-mirror-pod" "pod-is-not-annotated" }}
{{- range .matchConditions }}
  {{- if has .name $names }}
    {{- fail (printf "admission.matchConditions: expected a name that the chart does not use and that occurs once, found %s" .name) }}
  {{- end }}
  {{- $names = append $names .name }}
{{- end }}
{{- end }}

{{/* With no peer in the NetworkPolicy, Prometheus reaches no replica, and RolebridgeDown pages. */}}
{{- define "rolebridge.validate.monitoring" -}}
{{- $policy := .Values.networkPolicy }}
{{- $isClosed := and $policy.enabled (not .Values.webhook.hostNetwork) (not $policy.metricsNamespaces) (not $policy.metricsPeers) }}
{{- range $name := list "serviceMonitor" "prometheusRule" }}
  {{- if and $isClosed (get (get $.Values.monitoring $name) "enabled") }}
    {{- fail (printf "networkPolicy.metricsNamespaces: expected the namespace of Prometheus, because monitoring.%s is enabled and the NetworkPolicy lets no pod read the metrics. Fix: set it or networkPolicy.metricsPeers, or networkPolicy.enabled=false." $name) }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Makes the same comparisons as the webhook at startup (src/webhook/src/managed_cert/policy.rs), before anything is deployed. */}}
{{- define "rolebridge.validate.managed" -}}
{{- $authority := int64 (include "rolebridge.seconds" .caLifetime) }}
{{- $leaf := int64 (include "rolebridge.seconds" .certificateLifetime) }}
{{- if lt $authority (mul $leaf 3) }}
  {{- fail (printf "certificates.managed.caLifetime: expected at least three times certificateLifetime (%s), found %s" .certificateLifetime .caLifetime) }}
{{- end }}
{{- if or (lt $leaf (mul (int64 (include "rolebridge.seconds" .publishDelay)) 10)) (lt $leaf 5) }}
  {{- fail (printf "certificates.managed.certificateLifetime: expected at least 5s and ten times publishDelay (%s), found %s" .publishDelay .certificateLifetime) }}
{{- end }}
{{- end }}

{{- define "rolebridge.validate.certManager" -}}
{{- if and (compact (values .issuerRef)) (not .issuerRef.name) }}
  {{- fail "certificates.certManager.issuerRef.name: expected the name of an issuer. Fix: set it, or remove issuerRef to use a CA of the chart." }}
{{- end }}
{{- if and .duration .renewBefore (le (int64 (include "rolebridge.seconds" .duration)) (int64 (include "rolebridge.seconds" .renewBefore))) }}
  {{- fail (printf "certificates.certManager.duration: expected more than renewBefore (%s), found %s" .renewBefore .duration) }}
{{- end }}
{{- end }}
