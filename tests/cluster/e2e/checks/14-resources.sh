# What counts a pod's resources sees an injected pod as it saw it before.
# shellcheck shell=bash

# a_pod NAMESPACE INJECT RESOURCES: a server-side dry run.
a_pod() {
  kubectl --namespace "$1" run counted --image app --dry-run=server --output json --annotations "rolebridge.io/inject=$2" \
    --overrides "{\"spec\": {\"serviceAccountName\": \"nightly-report\",
      \"containers\": [{\"name\": \"counted\", \"image\": \"app\", \"resources\": $3}]}}"
}
read_json() { python3 -c "import json, sys; pod = json.load(sys.stdin); print($1)"; }
app_resources='pod["spec"]["containers"][0]["resources"]'
sidecar_resources='pod["spec"]["initContainers"][0]["resources"]'

qos_class() {
  local class resources
  while read -r class resources; do
    equal "$class" "$(a_pod shop false "$resources" | read_json 'pod["status"]["qosClass"]')"
    equal "$class" "$(a_pod shop true "$resources" | read_json 'pod["status"]["qosClass"]')"
  done << 'Y'
Guaranteed {"limits": {"cpu": "100m", "memory": "64Mi"}}
Guaranteed {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}
Burstable {"limits": {"cpu": "100m", "memory": "64Mi"}, "requests": {"cpu": "50m"}}
Burstable {"requests": {"memory": "64Mi"}}
Y
  # An HPA fails on a container without a request, so there is always one.
  equal BestEffort "$(a_pod shop false '{}' | read_json 'pod["status"]["qosClass"]')"
  equal Burstable "$(a_pod shop true '{}' | read_json 'pod["status"]["qosClass"]')"
}

resource_quota() {
  kubectl --namespace counted create quota all --hard requests.cpu=1,requests.memory=1Gi,limits.cpu=1,limits.memory=1Gi
  local inject
  for inject in false true; do
    a_pod counted $inject '{"limits": {"cpu": "100m", "memory": "64Mi"}}' > /dev/null
    refused 'must specify limits.cpu for: counted' a_pod counted $inject '{"requests": {"cpu": "100m", "memory": "64Mi"}}'
  done
}

limit_range() {
  kubectl --namespace counted apply --filename - << 'Y'
apiVersion: v1
kind: LimitRange
metadata: { name: all }
spec:
  limits:
    - { type: Container, default: { cpu: 300m, memory: 256Mi }, defaultRequest: { cpu: 200m, memory: 128Mi }, max: { cpu: 500m, memory: 512Mi } }
Y
  eventually 10 a_pod counted true '{}' > /dev/null # also by the quota, by the defaults of the range
  equal "$(a_pod counted false '{}' | read_json "$app_resources")" "$(a_pod counted true '{}' | read_json "$app_resources")"
  has "'limits'" read_json "$sidecar_resources" < <(a_pod counted true '{}')
}

prove "the QoS class stays" qos_class
prove "a ResourceQuota with limits takes an injected pod where it takes it without" resource_quota
prove "a LimitRange gives its container what it gives it without" limit_range
