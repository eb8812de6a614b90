# Pods of every kind of user begin; 15-users sees what became of them.
# shellcheck shell=bash

# a_pair NAMESPACE NAME POD_USER [USER]: a pod with this security context, and its container's; twice, injected and not.
a_pair() {
  object python-pod NAMESPACE="$1" NAME="$2-true" INJECT=true ARGUMENT=--object POD_USER="$3" USER="${4-}"
  object python-pod NAMESPACE="$1" NAME="$2-false" INJECT=false ARGUMENT=--modes POD_USER="$3" USER="${4-}"
}
pairs() {
  a_pair shop image-user ''
  a_pair shop uid-1000 '{runAsUser: 1000}'
  a_pair shop root '{runAsUser: 0}'
  a_pair shop fs-group '{runAsUser: 1000, fsGroup: 2000}'
  a_pair shop fs-group-only '{fsGroup: 2000}'
  a_pair restricted strict '{runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}' \
    '{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}'
}
begin_all() { pairs | kubectl apply --filename -; } # all at once and ahead: Python takes its time to start

prove "pods of any user are created" begin_all
