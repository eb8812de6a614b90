{{/* Values that contradict each other, in a sentence each. What one value alone may be is values.schema.json's. */}}
{{- define "rolebridge.validate" -}}
{{- $certificates := .Values.certificates }}
{{- if eq $certificates.mode "secret" }}
  {{- if not $certificates.secret.name }}
    {{- fail "certificates.mode is secret, but certificates.secret.name does not say which Secret (of type kubernetes.io/tls, in the release's namespace)" }}
  {{- end }}
  {{- if not $certificates.secret.caBundle }}
    {{- fail "certificates.mode is secret, but certificates.secret.caBundle is empty: the API server needs the CA of that certificate, such as --set-file certificates.secret.caBundle=ca.crt" }}
  {{- end }}
{{- else if or $certificates.secret.name $certificates.secret.caBundle }}
  {{- fail (printf "certificates.secret is set, but certificates.mode is %s: set certificates.mode=secret to use it, or leave it out" $certificates.mode) }}
{{- end }}
{{- if eq $certificates.mode "managed" }}
  {{- include "rolebridge.validate.managed" $certificates.managed }}
{{- end }}
{{- if eq $certificates.mode "cert-manager" }}
  {{- include "rolebridge.validate.certManager" $certificates.certManager }}
{{- else if compact (values $certificates.certManager.issuerRef) }}
  {{- fail (printf "certificates.certManager.issuerRef is set, but certificates.mode is %s: set certificates.mode=cert-manager to use it, or leave it out" $certificates.mode) }}
{{- end }}
{{- if eq (int .Values.webhook.port) (int .Values.webhook.healthPort) }}
  {{- fail (printf "webhook.port and webhook.healthPort are both %d: they are two listeners of one pod" (int .Values.webhook.port)) }}
{{- end }}
{{- range $name := list "allowedCIDRs" "apiServerCIDRs" }}
  {{- if and $.Values.webhook.hostNetwork (get $.Values.networkPolicy $name) }}
    {{- fail (printf "networkPolicy.%s is set, but a NetworkPolicy does not reach pods with webhook.hostNetwork: restrict the node in its security group instead" $name) }}
  {{- end }}
{{- end }}
{{- include "rolebridge.validate.labels" (dict "place" "commonLabels" "labels" (default dict .Values.commonLabels)) }}
{{- include "rolebridge.validate.labels" (dict "place" "webhook.podLabels" "labels" (default dict .Values.webhook.podLabels)) }}
{{- $autoscaling := .Values.webhook.autoscaling }}
{{- if and $autoscaling.enabled (gt (int $autoscaling.minReplicas) (int $autoscaling.maxReplicas)) }}
  {{- fail (printf "webhook.autoscaling.minReplicas is %d, more than maxReplicas, %d" (int $autoscaling.minReplicas) (int $autoscaling.maxReplicas)) }}
{{- end }}
{{- if and $autoscaling.enabled (not (dig "requests" "cpu" "" .Values.webhook.resources)) }}
  {{- fail "webhook.autoscaling needs webhook.resources.requests.cpu: use is measured against it" }}
{{- end }}
{{- $budget := .Values.webhook.podDisruptionBudget }}
{{- if and $budget.enabled (ge (int $budget.minAvailable) (int (include "rolebridge.replicas" .))) (gt (int (include "rolebridge.replicas" .)) 1) }}
  {{- fail (printf "webhook.podDisruptionBudget.minAvailable is %d of %s replicas: no node of theirs could ever be drained" (int $budget.minAvailable) (include "rolebridge.replicas" .)) }}
{{- end }}
{{- range .Values.admission.excludedNamespaces }}
  {{- if eq . $.Release.Namespace }}
    {{- fail (printf "admission.excludedNamespaces names %s: the release's own namespace is always left out" .) }}
  {{- end }}
{{- end }}
{{- end }}

{{/* A label that stands twice counts once, as one of the two: with the Deployment's selector it may fit no more. */}}
{{- define "rolebridge.validate.labels" -}}
{{- range list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" }}
  {{- if hasKey $.labels . }}
    {{- fail (printf "%s has the label %s, which is the chart's own: leave it out" $.place .) }}
  {{- end }}
{{- end }}
{{- end }}

{{/* As the webhook compares them when it starts (src/webhook/src/managed/policy.rs): what it refuses is never deployed. */}}
{{- define "rolebridge.validate.managed" -}}
{{- $authority := int64 (include "rolebridge.seconds" .caLifetime) }}
{{- $leaf := int64 (include "rolebridge.seconds" .certificateLifetime) }}
{{- if lt $authority (mul $leaf 3) }}
  {{- fail (printf "certificates.managed.caLifetime is %s and certificateLifetime %s: a CA that lasts at least three times as long would be right" .caLifetime .certificateLifetime) }}
{{- end }}
{{- if or (lt $leaf (mul (int64 (include "rolebridge.seconds" .publishDelay)) 10)) (lt $leaf 5) }}
  {{- fail (printf "certificates.managed.certificateLifetime is %s and publishDelay %s: a certificate that lasts at least ten times as long, and 5s, would be right" .certificateLifetime .publishDelay) }}
{{- end }}
{{- end }}

{{- define "rolebridge.validate.certManager" -}}
{{- if and (compact (values .issuerRef)) (not .issuerRef.name) }}
  {{- fail "certificates.certManager.issuerRef has no name: say which issuer, or leave issuerRef out for a CA of the webhook's own" }}
{{- end }}
{{- if and .duration .renewBefore (le (int64 (include "rolebridge.seconds" .duration)) (int64 (include "rolebridge.seconds" .renewBefore))) }}
  {{- fail (printf "certificates.certManager.duration is %s and renewBefore %s: a certificate that lasts longer would be right" .duration .renewBefore) }}
{{- end }}
{{- end }}
