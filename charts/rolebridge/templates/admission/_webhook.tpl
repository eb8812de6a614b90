{{/* Common fields of all webhook entries: dict "context" $ "path" "/mutate". */}}
{{- define "rolebridge.admission.client" -}}
clientConfig:
  {{- if eq .context.Values.certificates.mode "secret" }}
  caBundle: {{ .context.Values.certificates.secret.caBundle | b64enc }}
  {{- end }}
  service:
    name: {{ include "rolebridge.fullname" .context }}
    namespace: {{ .context.Release.Namespace }}
    path: {{ .path }}
    port: 443
admissionReviewVersions: [v1]
matchPolicy: Equivalent
sideEffects: {{ if .context.Values.webhook.events }}NoneOnDryRun{{ else }}None{{ end }}
timeoutSeconds: {{ .context.Values.admission.timeoutSeconds }}
{{- end }}

{{/* Pods in the webhook's namespace and in kube-system must start without the webhook. */}}
{{- define "rolebridge.admission.excluded" -}}
- key: kubernetes.io/metadata.name
  operator: NotIn
  values:
    {{- range prepend .Values.admission.excludedNamespaces .Release.Namespace | uniq }}
    - {{ . }}
    {{- end }}
{{- end }}

{{- define "rolebridge.admission.pods" -}}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods]
    operations: [CREATE]
    scope: Namespaced
{{- end }}

{{- define "rolebridge.admission.workloads" -}}
rules:
  - apiGroups: [apps]
    apiVersions: [v1]
    resources: [deployments, statefulsets, daemonsets]
    operations: [CREATE, UPDATE]
    scope: Namespaced
  - apiGroups: [batch]
    apiVersions: [v1]
    resources: [jobs, cronjobs]
    operations: [CREATE, UPDATE]
    scope: Namespaced
{{- end }}

{{/* Makes cert-manager write its CA into a configuration. */}}
{{- define "rolebridge.admission.injectCA" -}}
{{- if eq .Values.certificates.mode "cert-manager" -}}
annotations:
  cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "rolebridge.certificateSecret" . }}
{{- end }}
{{- end }}
