{{/* What the objects are called: the release's name, with the chart's unless it is in it already. */}}
{{- define "rolebridge.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What selects the webhook's pods. It can never change: a Deployment's selector is immutable. */}}
{{- define "rolebridge.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: webhook
{{- end }}

{{/* What the webhook's pods carry: nothing that changes with the chart alone, which would restart them. */}}
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

{{/* An object's metadata: dict "context" $ "name" (appended, optional) "cluster" true for one without a namespace. */}}
{{- define "rolebridge.metadata" -}}
name: {{ include "rolebridge.fullname" .context }}{{ with .name }}-{{ . }}{{ end }}
{{- if not .cluster }}
namespace: {{ .context.Release.Namespace }}
{{- end }}
labels:
  {{- include "rolebridge.labels" .context | nindent 2 }}
{{- end }}

{{/* An image's whole name: dict "context" $ "image" .Values.….image */}}
{{- define "rolebridge.image" -}}
{{- $registry := default .image.registry .context.Values.global.registry | trimSuffix "/" }}
{{- $registry }}/{{ .image.repository }}{{ if .image.digest }}@{{ .image.digest }}{{ else }}:{{ default .context.Chart.AppVersion .image.tag }}{{ end }}
{{- end }}

{{- define "rolebridge.serviceAccountName" -}}
{{- default (include "rolebridge.fullname" .) .Values.webhook.serviceAccount.name }}
{{- end }}

{{/* The Secret that holds the certificate which the webhook serves. */}}
{{- define "rolebridge.certificateSecret" -}}
{{- if eq .Values.certificates.mode "secret" }}{{ .Values.certificates.secret.name }}
{{- else if eq .Values.certificates.mode "managed" }}{{ include "rolebridge.fullname" . }}-managed
{{- else }}{{ include "rolebridge.fullname" . }}-tls{{ end }}
{{- end }}

{{- define "rolebridge.leaseName" -}}
{{ include "rolebridge.fullname" . }}
{{- end }}

{{/* A duration such as 1h30m, in seconds. */}}
{{- define "rolebridge.seconds" -}}
{{- $seconds := 0 }}
{{- $units := dict "h" 3600 "m" 60 "s" 1 }}
{{- range regexFindAll "[0-9]+[hms]" . -1 }}
  {{- $seconds = add $seconds (mul (regexFind "[1-9][0-9]*|0$" (regexFind "[0-9]+" .)) (get $units (regexFind "[hms]" .))) }}
{{- end }}
{{- $seconds }}
{{- end }}

{{/* The fewest replicas that there are to be. */}}
{{- define "rolebridge.replicas" -}}
{{- if .Values.webhook.autoscaling.enabled }}{{ .Values.webhook.autoscaling.minReplicas }}{{ else }}{{ .Values.webhook.replicas }}{{ end }}
{{- end }}
