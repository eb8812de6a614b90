{{/* Arguments of the webhook. */}}
{{- define "rolebridge.webhook.arguments" -}}
- --listen=[::]:{{ .Values.webhook.port }}
- --health-listen=[::]:{{ .Values.webhook.healthPort }}
{{- if eq .Values.certificates.mode "managed" }}
- --managed-certificate=$(POD_NAMESPACE)/{{ include "rolebridge.certificateSecret" . }}
- --managed-lease={{ include "rolebridge.leaseName" . }}
- --managed-service={{ include "rolebridge.fullname" . }}
- --managed-ca-lifetime={{ .Values.certificates.managed.caLifetime }}
- --managed-leaf-lifetime={{ .Values.certificates.managed.certificateLifetime }}
- --managed-publish-delay={{ .Values.certificates.managed.publishDelay }}
{{- else }}
- --certificate=/etc/rolebridge/certificate/tls.crt
- --key=/etc/rolebridge/certificate/tls.key
{{- end }}
- --configuration={{ include "rolebridge.fullname" . }}
{{- if .Values.admission.workloads.enabled }}
- --configuration={{ include "rolebridge.fullname" . }}-workloads
{{- end }}
- --defaults=/etc/rolebridge/defaults/defaults.yaml
- --review-timeout={{ default 10 .Values.admission.timeoutSeconds }}
- --live-read-rate={{ .Values.webhook.liveReads.rate | int }}
- --live-read-burst={{ .Values.webhook.liveReads.burst | int }}
- --drain-delay={{ .Values.webhook.drain.delaySeconds }}
- --drain-timeout={{ .Values.webhook.drain.timeoutSeconds }}
{{- if .Values.webhook.events }}
- --events
{{- end }}
- --log-level={{ .Values.webhook.logLevel }}
{{- end }}
