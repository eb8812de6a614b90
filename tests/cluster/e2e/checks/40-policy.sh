# Disables and enables features of the chart: the policies and the warnings about workloads. This upgrade also sets the
# usual lifetimes of certificates. The checks after it give the webhook time: it issues the first long-lived certificate only
# when the last short-lived CA is old.
# shellcheck shell=bash

declare -A pools=([kubernetes]=kubernetes/providers/cluster [aws-role]=aws-pool/providers/eks-prod)
evil='https://attacker.example/v1/token'
sentence='on the pod: expected what the webhook set when it was created, found a change'

start_mounted_pods() { # the one without a sidecar has its configuration from an annotation
  render_object status-patcher | kubectl --namespace shop apply --filename -
  render_object mounted NAME=mounted IDENTITY=kubernetes PROVIDER="${pools[kubernetes]}" |
    kubectl --namespace shop apply --filename -
  render_object mounted NAME=written IDENTITY=aws-role PROVIDER="${pools[aws-role]}" |
    kubectl --namespace shop apply --filename -
  kubectl --namespace shop run never-injected --image "$registry/python:$version" --image-pull-policy "$pull" -- \
    -c 'import time; time.sleep(3600)'
}
mounted_configuration() { # pod
  kubectl --namespace shop exec "$1" --container report -- /python/bin/python3 -c \
    'print(open("/var/run/rolebridge/config/file.json").read())'
}
# patch_status POD ANNOTATIONS: patches annotations as a user who may only patch pods/status.
patch_status() {
  kubectl --namespace shop --as system:serviceaccount:shop:status-patcher patch pod "$1" --subresource status --type merge \
    --patch "{\"metadata\": {\"annotations\": $2}}"
}
# bind POD PATH ANNOTATION: creates a binding with an annotation, as a dry run.
bind() {
  kubectl create --raw "/api/v1/namespaces/shop/$2?dryRun=All" --filename - <<< "{\"apiVersion\": \"v1\", \"kind\": \"Binding\",
    \"metadata\": {\"name\": \"$1\", \"annotations\": {\"$3\": \"\"}}, \"target\": {\"kind\": \"Node\", \"name\": \"node1\"}}"
}

# One upgrade for all features, because an upgrade takes seconds. It runs without load, because the last short-lived
# certificate may expire before the first long-lived one is served.
policy_denies_uninjected_pods() {
  helm_upgrade --set admission.workloads.enabled=false,admission.policy.enabled=true,admission.protectAnnotations.enabled=false \
    --set "admission.policy.sidecarRepositories={$registry/sidecar}" \
    --set certificates.managed.caLifetime=8760h,certificates.managed.certificateLifetime=720h,certificates.managed.publishDelay=5s
  fails_with 'not found' kubectl get mutatingwebhookconfiguration rolebridge-workloads
  eventually dry_run_pod
  kubectl delete mutatingwebhookconfiguration rolebridge
  eventually fails_with 'the webhook rolebridge has not injected it' dry_run_pod
  kubectl --namespace shop run plain --image app --dry-run=server
}

# The kubelet updates a mounted annotation of the first pod. What it then mounts in the second one is not stale.
unprotected_configuration_changes() {
  local pod
  kubectl --namespace shop wait pod/mounted pod/written --for condition=Ready --timeout "${longest_wait}s"
  for pod in mounted written; do
    output_lacks "$evil" mounted_configuration $pod
    eventually patch_status $pod "{\"rolebridge.io/config-file\": \"{\\\"token_url\\\": \\\"$evil\\\"}\"}"
  done
  eventually output_has "$evil" mounted_configuration mounted
}
sidecar_configuration_stays() { output_has "$clouds_google_sts/v1/token" mounted_configuration written; }

workloads_are_enabled_again() { # also recreates the deleted configuration, owned by Helm
  helm_upgrade --set admission.workloads.enabled=true,admission.policy.enabled=false,admission.protectAnnotations.enabled=true
  kubectl get mutatingwebhookconfiguration rolebridge-workloads
  eventually output_has 'name: rolebridge-token' dry_run_pod
}

# Requests as a dry run show when the policy is in effect.
annotations_are_protected() {
  local key
  eventually fails_with "rolebridge.io/status $sentence" \
    kubectl --namespace shop annotate --overwrite --dry-run=server pod written rolebridge.io/status=x
  for key in config-file config-loopback status; do
    fails_with "rolebridge.io/$key $sentence" patch_status mounted "{\"rolebridge.io/$key\": \"x\"}"
    fails_with "rolebridge.io/$key $sentence" patch_status never-injected "{\"rolebridge.io/$key\": \"x\"}"
  done
  for key in config-file config-loopback; do
    fails_with "rolebridge.io/$key $sentence" bind never-injected pods/never-injected/binding rolebridge.io/$key
    fails_with "rolebridge.io/$key $sentence" bind never-injected bindings rolebridge.io/$key
  done
  fails_with "rolebridge.io/config-file, rolebridge.io/status $sentence" patch_status mounted null
  eventually type_check_has_no_warnings
}
type_check_has_no_warnings() {
  assert_equal '{}' "$(kubectl get validatingadmissionpolicy rolebridge-annotations --output 'jsonpath={.status.typeChecking}')"
}
# The kubelet's updates are covered by all other checks: pods become ready and finish.
other_changes_pass() {
  local pod
  for pod in mounted never-injected; do
    kubectl --namespace shop annotate pod $pod example.com/note=x
    patch_status $pod '{"example.com/note": null}'
  done
  fails_with 'is already assigned to node' bind never-injected pods/never-injected/binding example.com/note
  # Some schedulers copy all annotations of a pod.
  fails_with 'is already assigned to node' bind never-injected pods/never-injected/binding rolebridge.io/status
}

run_check "pods with a mounted and with a written configuration are created" start_mounted_pods
run_check "the workloads configuration is removed; the policy denies only opted-in pods that were not injected" \
  policy_denies_uninjected_pods
run_check "without the annotation policy, a user who may patch pods/status changes a mounted configuration" \
  unprotected_configuration_changes
run_check "such a user cannot change a configuration that a sidecar wrote" sidecar_configuration_stays
run_check "the webhook configurations are recreated, and the policy is removed" workloads_are_enabled_again
run_check "changes of the webhook's annotations are denied: status, pod and binding, with and without them before" \
  annotations_are_protected
run_check "other changes of pods with and without annotations are not" other_changes_pass
kubectl --namespace shop delete pod/mounted pod/written pod/never-injected --wait=false > /dev/null
