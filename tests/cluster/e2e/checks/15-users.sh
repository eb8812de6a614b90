# Whoever a pod runs as, it works, and its other projected tokens are no looser than without injection.
# shellcheck shell=bash

works() { # namespace, name
  local inject
  for inject in true false; do succeeds "$1" "$2-$inject"; done
  has 'object: 1451 orders' kubectl --namespace "$1" logs "$2-true" --container report
  equal "$(modes "$1" "$2-false")" "$(modes "$1" "$2-true")"
  note "$(modes "$1" "$2-true")"
}
modes() { kubectl --namespace "$1" logs "$2" --container report | grep '^modes:'; }

prove "a pod of its image's user works" works shop image-user
prove "a pod of UID 1000 works" works shop uid-1000
prove "a pod of root works" works shop root
prove "a pod with an fsGroup works" works shop fs-group
prove "a pod with an fsGroup and no common user works" works shop fs-group-only
prove "a pod in a namespace that enforces the restricted Pod Security Standard works" works restricted strict
