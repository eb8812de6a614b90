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

{{/*
A workload whose pods have any key of ours, or that has the opt-in itself, where it has no effect: somebody meant it. A
Deployment and its like have spec.template, a CronJob has spec.jobTemplate; what is not there is an empty optional.
*/}}
{{- define "rolebridge.cel.speaks" -}}
[object.metadata.?annotations, object.metadata.?labels].exists(keys, "rolebridge.io/inject" in keys.orValue({})) || [object.?spec.?template.?metadata, object.?spec.?jobTemplate.?spec.?template.?metadata].exists(pods, [pods.?annotations, pods.?labels].exists(keys, keys.orValue({}).exists(key, key.startsWith("rolebridge.io/"))))
{{- end }}

{{- define "rolebridge.cel.podsOptOut" -}}
[object.?spec.?template.?metadata, object.?spec.?jobTemplate.?spec.?template.?metadata].exists(pods, pods.?annotations[?"rolebridge.io/inject"] == optional.of("false"))
{{- end }}

{{/* Nobody reads the warnings that a controller gets. */}}
{{- define "rolebridge.cel.askedByUser" -}}
!request.userInfo.username.startsWith("system:serviceaccount:kube-system:")
{{- end }}
