# A restart of the kubelet. Nothing runs in the background then, because no log can be read and no command run in a container
# while the kubelet is stopped.
# shellcheck shell=bash

# aws_token POD: prints the projected token from the kubelet's folder on the node.
aws_token() {
  cat "$state/kubelet/pods/$(kubectl --namespace shop get pod "$1" --output 'jsonpath={.metadata.uid}')/volumes/kubernetes.io~projected/rolebridge-aws-token/token"
}
token_changed() { [ "$(aws_token "$1")" != "$2" ]; }
count_sessions() { cloud_events AssumeRoleWithWebIdentity | grep -c '"status":200'; }
more_sessions_than() { [ "$(count_sessions)" -gt "$1" ]; }

survives_token_rotation() { # pod
  local pod=$1 token before; token=$(aws_token "$pod")
  "$here/restart" kubelet
  eventually token_changed "$pod" "$token"
  before=$(count_sessions)
  survives_kill "$pod"
  eventually more_sessions_than "$before"
}

join_background refresh
join_background lifetimes
if [ "$local_cluster" ]; then
  run_check "a killed sidecar restarts after the kubelet rotated the AWS token: AWS accepts the new token" \
    survives_token_rotation "$(report_pod 0)"
fi
