# Starts pods with every kind of runAsUser. 15-run-as-user checks their results.
# shellcheck shell=bash

# render_pair NAMESPACE NAME POD_SECURITY_CONTEXT [CONTAINER_SECURITY_CONTEXT]: prints a pod twice, injected and not.
render_pair() {
  render_object python-pod NAMESPACE="$1" NAME="$2-true" INJECT=true ARGUMENT=--object POD_USER="$3" USER="${4-}"
  render_object python-pod NAMESPACE="$1" NAME="$2-false" INJECT=false ARGUMENT=--modes POD_USER="$3" USER="${4-}"
}
render_pairs() {
  render_pair shop image-user ''
  render_pair shop uid-1000 '{runAsUser: 1000}'
  render_pair shop root '{runAsUser: 0}'
  render_pair shop fs-group '{runAsUser: 1000, fsGroup: 2000}'
  render_pair shop fs-group-only '{fsGroup: 2000}'
  render_pair restricted strict '{runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}' \
    '{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}'
}
start_pairs() { render_pairs | kubectl apply --filename -; } # long before the check, because Python starts slowly

run_check "pods with every kind of runAsUser are created" start_pairs
