{{/* Common fields of all webhook entries: dict "context" $ "path" "/mutate". */}}
{{- define "rolebridge.admission.client" -}}
clientConfig:
  {{- if and (eq .context.Values.certificates.mode "secret") .context.Values.certificates.secret.caBundle }}
  caBundle: {{ .context.Values.certificates.secret.caBundle | b64enc }}
  {{- end }}
  service:
    name: {{ include "rolebridge.fullname" .context }}
    namespace: {{ include "rolebridge.namespace" .context }}
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
    {{- range prepend .Values.admission.excludedNamespaces (include "rolebridge.namespace" .) | uniq }}
    - {{ . }}
    {{- end }}
{{- end }}

{{/*
The namespaces of an entry or policy: dict "context" $ "labels" (required ones) "expressions" (text). Includes the values'
selector, by which several releases serve different namespaces.
*/}}
{{- define "rolebridge.admission.namespaceSelector" -}}
{{- $scope := .context.Values.admission.namespaceSelector }}
{{- with merge dict (default dict .labels) (default dict $scope.matchLabels) }}
matchLabels:
  {{- toYaml . | nindent 2 }}
{{- end }}
matchExpressions:
  {{- with .expressions }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- include "rolebridge.admission.excluded" .context | nindent 2 }}
  {{- with $scope.matchExpressions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "rolebridge.admission.labelled" -}}
# If the value of the label has no effect, the warning names the one that has.
- key: rolebridge.io/inject
  operator: Exists
- key: rolebridge.io/inject
  operator: NotIn
  values: [disabled]
{{- end }}

{{/* The values' conditions on pods, in addition to those of an entry or policy. */}}
{{- define "rolebridge.admission.conditions" -}}
{{- range .Values.admission.matchConditions }}
- name: {{ .name }}
  expression: {{ .expression | squote }}
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

{{/* Annotations of the webhook configurations. One of them makes cert-manager write its CA. */}}
{{- define "rolebridge.admission.annotations" -}}
{{- with .Values.admission.annotations }}
{{- toYaml . }}
{{ end }}
{{- if eq .Values.certificates.mode "cert-manager" -}}
cert-manager.io/inject-ca-from: {{ include "rolebridge.namespace" . }}/{{ include "rolebridge.certificateSecret" . }}
{{- end }}
{{- end }}
