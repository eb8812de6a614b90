{{/* Full name of objects: the release's name, followed by the chart's unless it contains it. */}}
{{- define "rolebridge.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Selector of the webhook's pods. It must not change, because a Deployment's selector is immutable. */}}
{{- define "rolebridge.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: webhook
{{- end }}

{{/* Labels of the webhook's pods, without the chart's version: a change of it would restart them. */}}
{{- define "rolebridge.podLabels" -}}
{{ include "rolebridge.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "rolebridge.labels" -}}
{{ include "rolebridge.podLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Metadata of an object: dict "context" $ "name" (optional suffix) "cluster" (true if cluster-scoped). */}}
{{- define "rolebridge.metadata" -}}
name: {{ include "rolebridge.fullname" .context }}{{ with .name }}-{{ . }}{{ end }}
{{- if not .cluster }}
namespace: {{ .context.Release.Namespace }}
{{- end }}
labels:
  {{- include "rolebridge.labels" .context | nindent 2 }}
{{- end }}

{{/* Full image reference: dict "context" $ "image" .Values.….image */}}
{{- define "rolebridge.image" -}}
{{- $registry := default .image.registry .context.Values.global.registry | trimSuffix "/" }}
{{- $registry }}/{{ .image.repository }}{{ if .image.digest }}@{{ .image.digest }}{{ else }}:{{ default .context.Chart.AppVersion .image.tag }}{{ end }}
{{- end }}

{{- define "rolebridge.serviceAccountName" -}}
{{- default (include "rolebridge.fullname" .) .Values.webhook.serviceAccount.name }}
{{- end }}

{{/* Secret of the serving certificate. */}}
{{- define "rolebridge.certificateSecret" -}}
{{- if eq .Values.certificates.mode "secret" }}{{ .Values.certificates.secret.name }}
{{- else if eq .Values.certificates.mode "managed" }}{{ include "rolebridge.fullname" . }}-managed
{{- else }}{{ include "rolebridge.fullname" . }}-tls{{ end }}
{{- end }}

{{- define "rolebridge.leaseName" -}}
{{ include "rolebridge.fullname" . }}
{{- end }}

{{/* Converts a duration such as 1h30m to seconds. */}}
{{- define "rolebridge.seconds" -}}
{{- $seconds := 0 }}
{{- $units := dict "h" 3600 "m" 60 "s" 1 }}
{{- range regexFindAll "[0-9]+[hms]" . -1 }}
  {{- $seconds = add $seconds (mul (regexFind "[1-9][0-9]*|0$" (regexFind "[0-9]+" .)) (get $units (regexFind "[hms]" .))) }}
{{- end }}
{{- $seconds }}
{{- end }}

{{/* Minimum number of replicas. */}}
{{- define "rolebridge.replicas" -}}
{{- if .Values.webhook.autoscaling.enabled }}{{ .Values.webhook.autoscaling.minReplicas }}{{ else }}{{ .Values.webhook.replicas }}{{ end }}
{{- end }}
