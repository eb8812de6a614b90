# Whoever a pod runs as, it works, and its other projected tokens are no looser than without injection.
# shellcheck shell=bash

strict='"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}'
restricted='{"securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
  "containers": [{"name": "report", "securityContext": {'$strict'}}]}'

# begin NAMESPACE NAME PATCH: a pod with a patch of its spec; twice, injected and not.
begin() {
  local inject argument
  for inject in true false; do
    argument=--all; [ $inject = true ] || argument=--modes
    object python-pod NAME="$2-$inject" INJECT=$inject ARGUMENT=$argument |
      kubectl patch --local --filename - --type strategic --patch "{\"spec\": $3}" --output yaml |
      kubectl --namespace "$1" apply --filename -
  done
}
begin_all() { # all at once: Python takes its time to start
  begin shop image-user '{}'
  begin shop uid-1000 '{"securityContext": {"runAsUser": 1000}}'
  begin shop root '{"securityContext": {"runAsUser": 0}}'
  begin shop fs-group '{"securityContext": {"runAsUser": 1000, "fsGroup": 2000}}'
  begin shop fs-group-only '{"securityContext": {"fsGroup": 2000}}'
  begin restricted strict "$restricted"
}

works() { # namespace, name
  local inject
  for inject in true false; do succeeds "$1" "$2-$inject"; done
  has 'object: 1451 orders' kubectl --namespace "$1" logs "$2-true" --container report
  equal "$(modes "$1" "$2-false")" "$(modes "$1" "$2-true")"
  note "$(modes "$1" "$2-true")"
}
modes() { kubectl --namespace "$1" logs "$2" --container report | grep '^modes:'; }

prove "pods of any user are created" begin_all
prove "a pod of its image's user works" works shop image-user
prove "a pod of UID 1000 works" works shop uid-1000
prove "a pod of root works" works shop root
prove "a pod with an fsGroup works" works shop fs-group
prove "a pod with an fsGroup and no common user works" works shop fs-group-only
prove "a pod in a namespace that enforces the restricted Pod Security Standard works" works restricted strict
