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

{{/* Namespace of the release's objects. */}}
{{- define "rolebridge.namespace" -}}
{{ default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{/* Labels of the webhook's pods, without the chart's version: a change of it would restart them. Arguments: labels. */}}
{{- define "rolebridge.podLabels" -}}
{{ include "rolebridge.selectorLabels" .context }}
app.kubernetes.io/version: {{ .context.Chart.AppVersion | quote }}
{{- $common := default dict .context.Values.commonLabels }}
{{- range keys (default dict .labels) }}
{{- $common = omit $common . }}
{{- end }}
{{- with $common }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels of an object: dict "context" $ "labels" (of this object; they replace common ones). */}}
{{- define "rolebridge.labels" -}}
{{ include "rolebridge.podLabels" . }}
app.kubernetes.io/managed-by: {{ .context.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_" }}
{{- with .labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
Metadata of an object: dict "context" $ "name" (optional suffix) "cluster" (true if cluster-scoped) "namespace" (another than
the release's) "labels" and "annotations" (of this object, in addition to the common ones).
*/}}
{{- define "rolebridge.metadata" -}}
name: {{ include "rolebridge.fullname" .context }}{{ with .name }}-{{ . }}{{ end }}
{{- if not .cluster }}
namespace: {{ default (include "rolebridge.namespace" .context) .namespace }}
{{- end }}
labels:
  {{- include "rolebridge.labels" . | nindent 2 }}
{{- with merge dict (default dict .annotations) (default dict .context.Values.commonAnnotations) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
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

{{/* The keys of a map, those of "order" first: dict "map" "order". So a rendered object reads as it would be written by hand. */}}
{{- define "rolebridge.ordered" -}}
{{- $lines := list }}
{{- range .order }}
  {{- if hasKey $.map . }}{{ $lines = append $lines (toYaml (pick $.map .)) }}{{ end }}
{{- end }}
{{- $rest := .map }}
{{- range .order }}{{ $rest = omit $rest . }}{{ end }}
{{- with $rest }}{{ $lines = append $lines (toYaml .) }}{{ end }}
{{- join "\n" $lines }}
{{- end }}
