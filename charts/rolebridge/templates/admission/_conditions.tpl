{{/*
Conditions in CEL. The API server takes an error in one for a refusal of the pod (failurePolicy Fail), so each field that
an object may lack is asked for before it is read: a pod may have no annotations at all.
*/}}
{{- define "rolebridge.cel.annotated" -}}
has(object.metadata.annotations) && "rolebridge.io/inject" in object.metadata.annotations
{{- end }}

{{/* Any value but "false": "True" or "yes" comes to the webhook, which refuses it with a sentence. */}}
{{- define "rolebridge.cel.optedIn" -}}
{{ include "rolebridge.cel.annotated" . }} && object.metadata.annotations["rolebridge.io/inject"] != "false"
{{- end }}

{{/* A pod that the kubelet made from a file of its node; nothing can be added to what runs already. */}}
{{- define "rolebridge.cel.notMirror" -}}
!has(object.metadata.annotations) || !("kubernetes.io/config.mirror" in object.metadata.annotations)
{{- end }}

{{/* The annotations of a pod template, by where a kind has it: a guard that they are there. */}}
{{- define "rolebridge.cel.template" -}}
has(object.spec) && has(object.spec.template) && has(object.spec.template.metadata) && has(object.spec.template.metadata.annotations) && "rolebridge.io/inject" in object.spec.template.metadata.annotations
{{- end }}
{{- define "rolebridge.cel.jobTemplate" -}}
has(object.spec) && has(object.spec.jobTemplate) && has(object.spec.jobTemplate.spec) && has(object.spec.jobTemplate.spec.template) && has(object.spec.jobTemplate.spec.template.metadata) && has(object.spec.jobTemplate.spec.template.metadata.annotations) && "rolebridge.io/inject" in object.spec.jobTemplate.spec.template.metadata.annotations
{{- end }}

{{/* Nobody reads the warnings that a controller gets. */}}
{{- define "rolebridge.cel.askedByUser" -}}
!request.userInfo.username.startsWith("system:serviceaccount:kube-system:")
{{- end }}
