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
{{- if and (ne $certificates.mode "cert-manager") $certificates.certManager.issuerRef.name }}
  {{- fail (printf "certificates.certManager.issuerRef is set, but certificates.mode is %s: set certificates.mode=cert-manager to use it, or leave it out" $certificates.mode) }}
{{- end }}
{{- if eq (int .Values.webhook.port) (int .Values.webhook.healthPort) }}
  {{- fail (printf "webhook.port and webhook.healthPort are both %d: they are two listeners of one pod" (int .Values.webhook.port)) }}
{{- end }}
{{- if and .Values.webhook.hostNetwork .Values.networkPolicy.allowedCIDRs }}
  {{- fail "networkPolicy.allowedCIDRs is set, but a NetworkPolicy does not reach pods with webhook.hostNetwork: restrict the node's port in its security group instead" }}
{{- end }}
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
