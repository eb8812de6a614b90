# QoS class, ResourceQuota and LimitRange treat an injected pod as they treat it without injection.
# shellcheck shell=bash

# dry_run_counted NAMESPACE INJECT RESOURCES: prints the result of a server-side dry run.
dry_run_counted() {
  kubectl --namespace "$1" run counted --image app --dry-run=server --output json --annotations "rolebridge.io/inject=$2" \
    --overrides "{\"spec\": {\"serviceAccountName\": \"nightly-report\",
      \"containers\": [{\"name\": \"counted\", \"image\": \"app\", \"resources\": $3}]}}"
}
eval_pod() { python3 -c "import json, sys; pod = json.load(sys.stdin); print($1)"; }
app_resources='pod["spec"]["containers"][0]["resources"]'
sidecar_resources='pod["spec"]["initContainers"][0]["resources"]'

qos_class_is_unchanged() {
  local class resources
  while read -r class resources; do
    assert_equal "$class" "$(dry_run_counted shop false "$resources" | eval_pod 'pod["status"]["qosClass"]')"
    assert_equal "$class" "$(dry_run_counted shop true "$resources" | eval_pod 'pod["status"]["qosClass"]')"
  done << 'Y'
Guaranteed {"limits": {"cpu": "100m", "memory": "64Mi"}}
Guaranteed {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}
Burstable {"limits": {"cpu": "100m", "memory": "64Mi"}, "requests": {"cpu": "50m"}}
Burstable {"requests": {"memory": "64Mi"}}
Y
  # An HPA fails if a container has no request, so the sidecar always has one.
  assert_equal BestEffort "$(dry_run_counted shop false '{}' | eval_pod 'pod["status"]["qosClass"]')"
  assert_equal Burstable "$(dry_run_counted shop true '{}' | eval_pod 'pod["status"]["qosClass"]')"
}

quota_accepts_injected_pod() {
  kubectl --namespace counted create quota all --hard requests.cpu=1,requests.memory=1Gi,limits.cpu=1,limits.memory=1Gi
  local inject
  for inject in false true; do
    dry_run_counted counted $inject '{"limits": {"cpu": "100m", "memory": "64Mi"}}' > /dev/null
    fails_with 'must specify limits.cpu for: counted' \
      dry_run_counted counted $inject '{"requests": {"cpu": "100m", "memory": "64Mi"}}'
  done
}

limit_range_sets_the_same_resources() {
  kubectl --namespace counted apply --filename - << 'Y'
apiVersion: v1
kind: LimitRange
metadata: { name: all }
spec:
  limits:
    - { type: Container, default: { cpu: 300m, memory: 256Mi }, defaultRequest: { cpu: 200m, memory: 128Mi }, max: { cpu: 500m, memory: 512Mi } }
Y
  eventually dry_run_counted counted true '{}' > /dev/null # the quota accepts it too, because of the range's defaults
  assert_equal "$(dry_run_counted counted false '{}' | eval_pod "$app_resources")" \
    "$(dry_run_counted counted true '{}' | eval_pod "$app_resources")"
  output_has "'limits'" eval_pod "$sidecar_resources" < <(dry_run_counted counted true '{}')
}

run_check "injection keeps the QoS class" qos_class_is_unchanged
run_check "a ResourceQuota with limits accepts an injected pod if it accepts the original" quota_accepts_injected_pod
run_check "a LimitRange sets the same resources on the app with and without injection" limit_range_sets_the_same_resources
