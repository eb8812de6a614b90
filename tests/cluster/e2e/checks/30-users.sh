# Whoever a pod runs as, it works, and its other projected tokens are no looser than without injection.
# shellcheck shell=bash

modes() { kubectl --namespace "$1" logs "$2" --container report | grep '^modes:'; }

# works NAMESPACE NAME PATCH: with a patch of the pod's spec; twice, injected and not.
works() {
  local namespace=$1 name=$2 patch=$3 inject argument
  for inject in true false; do
    argument=--all; [ $inject = true ] || argument=--modes
    object python-pod NAME="$name-$inject" INJECT=$inject ARGUMENT=$argument |
      kubectl patch --local --filename - --type strategic --patch "{\"spec\": $patch}" --output yaml |
      kubectl --namespace "$namespace" apply --filename -
  done
  for inject in true false; do
    succeeds "$namespace" "$name-$inject"
  done
  has 'object: 1451 orders' kubectl --namespace "$namespace" logs "$name-true" --container report
  equal "$(modes "$namespace" "$name-false")" "$(modes "$namespace" "$name-true")"
}

strict='"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}'
restricted='{"securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
  "containers": [{"name": "report", "securityContext": {'$strict'}}]}'

prove "a pod of its image's user" works shop image-user '{}'
prove "a pod of UID 1000" works shop uid-1000 '{"securityContext": {"runAsUser": 1000}}'
prove "a pod of root" works shop root '{"securityContext": {"runAsUser": 0}}'
prove "a pod with an fsGroup" works shop fs-group '{"securityContext": {"runAsUser": 1000, "fsGroup": 2000}}'
prove "a pod with an fsGroup and no common user" works shop fs-group-only '{"securityContext": {"fsGroup": 2000}}'
prove "a pod in a namespace that enforces the restricted Pod Security Standard" works restricted strict "$restricted"
