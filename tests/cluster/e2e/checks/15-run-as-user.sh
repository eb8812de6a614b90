# An injected pod works with every kind of runAsUser, and its other projected tokens keep their file modes.
# shellcheck shell=bash

injected_pod_reads_and_keeps_modes() { # namespace, name
  local inject
  for inject in true false; do pod_succeeds "$1" "$2-$inject"; done
  output_has 'object: 1451 orders' kubectl --namespace "$1" logs "$2-true" --container report
  assert_equal "$(modes "$1" "$2-false")" "$(modes "$1" "$2-true")"
  note "$(modes "$1" "$2-true")"
}
modes() { kubectl --namespace "$1" logs "$2" --container report | grep '^modes:'; }

run_check "a pod with its image's user works" injected_pod_reads_and_keeps_modes shop image-user
run_check "a pod with UID 1000 works" injected_pod_reads_and_keeps_modes shop uid-1000
run_check "a pod with UID 0 works" injected_pod_reads_and_keeps_modes shop root
run_check "a pod with an fsGroup works" injected_pod_reads_and_keeps_modes shop fs-group
run_check "a pod with an fsGroup and no common user works" injected_pod_reads_and_keeps_modes shop fs-group-only
run_check "a pod works in a namespace with the restricted Pod Security Standard" injected_pod_reads_and_keeps_modes restricted strict
