{{/*
Conditions in CEL. If one fails to evaluate, the API server denies the pod (failurePolicy Fail). So optional fields are
tested before they are read: a pod may have no annotations.
*/}}
{{- define "rolebridge.cel.annotated" -}}
has(object.metadata.annotations) && "rolebridge.io/inject" in object.metadata.annotations
{{- end }}

{{/* Any value but "false": the webhook denies "True" or "yes" with an explanation. */}}
{{- define "rolebridge.cel.optedIn" -}}
{{ include "rolebridge.cel.annotated" . }} && object.metadata.annotations["rolebridge.io/inject"] != "false"
{{- end }}

{{/* A pod with a sidecar, on CREATE or with another image than before. Names of init containers are unique. */}}
{{- define "rolebridge.cel.hasNewSidecarImage" -}}
object.?spec.?initContainers.orValue([]).exists(container, container.name == "rolebridge" && (oldObject == null || !oldObject.?spec.?initContainers.orValue([]).exists(before, before.name == "rolebridge" && before.?image == container.?image)))
{{- end }}

{{/* A mirror pod represents a static pod that the kubelet already runs, so it cannot be changed. */}}
{{- define "rolebridge.cel.notMirror" -}}
!has(object.metadata.annotations) || !("kubernetes.io/config.mirror" in object.metadata.annotations)
{{- end }}

{{/*
A workload with a Rolebridge key in its pod template, or with the opt-in on itself, where it has no effect. A CronJob has
spec.jobTemplate, other workloads have spec.template; a missing field is an empty optional.
*/}}
{{- define "rolebridge.cel.hasKeys" -}}
[object.metadata.?annotations, object.metadata.?labels].exists(keys, "rolebridge.io/inject" in keys.orValue({})) || [object.?spec.?template.?metadata, object.?spec.?jobTemplate.?spec.?template.?metadata].exists(pods, [pods.?annotations, pods.?labels].exists(keys, keys.orValue({}).exists(key, key.startsWith("rolebridge.io/"))))
{{- end }}

{{- define "rolebridge.cel.podsOptOut" -}}
[object.?spec.?template.?metadata, object.?spec.?jobTemplate.?spec.?template.?metadata].exists(pods, pods.?annotations[?"rolebridge.io/inject"] == optional.of("false"))
{{- end }}

{{/* Controllers discard warnings. */}}
{{- define "rolebridge.cel.requestedByUser" -}}
!request.userInfo.username.startsWith("system:serviceaccount:kube-system:")
{{- end }}

{{/*
The annotations that only the webhook writes, when a pod is created. The previous release mounts both config annotations.
*/}}
{{- define "rolebridge.cel.writtenAnnotations" -}}
["rolebridge.io/config-loopback", "rolebridge.io/config-file", "rolebridge.io/config-file-2", "rolebridge.io/config-file-3", "rolebridge.io/config-file-4", "rolebridge.io/status"]
{{- end }}

{{/* Those of them that the kubelet mounts in a container. */}}
{{- define "rolebridge.cel.mountedAnnotations" -}}
["rolebridge.io/config-loopback", "rolebridge.io/config-file", "rolebridge.io/config-file-2", "rolebridge.io/config-file-3", "rolebridge.io/config-file-4"]
{{- end }}

{{/*
The annotations that a request may not change. The policy sees no pod on CREATE of a binding, so it cannot compare values, and
some schedulers copy all annotations of a pod into its binding. There it guards only those that determine what an app mounts.
*/}}
{{- define "rolebridge.cel.guardedAnnotations" -}}
(request.operation == "CREATE" ? {{ include "rolebridge.cel.mountedAnnotations" . }} : {{ include "rolebridge.cel.writtenAnnotations" . }})
{{- end }}

{{/*
A pod, before or after a change, or a binding with such an annotation. The condition searches for the few known keys, never
through the pod's own annotations: their number could exceed the cost limit of CEL, which is an error.
*/}}
{{- define "rolebridge.cel.hasGuardedAnnotation" -}}
[oldObject, object].exists(o, o != null && {{ include "rolebridge.cel.guardedAnnotations" . }}.exists(key, o.?metadata.?annotations[?key].hasValue()))
{{- end }}

{{/* Only bindings are matched on CREATE. */}}
{{- define "rolebridge.cel.notTrustedBinding" -}}
request.operation != "CREATE" || !(request.?userInfo.?username.orValue("") in {{ toJson .Values.admission.protectAnnotations.trustedUsers }})
{{- end }}
