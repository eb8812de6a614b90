# What a running pod lives through.
# shellcheck shell=bash

pod() { # which of the two
  kubectl --namespace shop get pods --selector app=nightly-report --output "jsonpath={.items[$1].metadata.name}"
}
restarts() { kubectl --namespace shop get pod "$1" --output 'jsonpath={.status.initContainerStatuses[0].restartCount}'; }
ready() { equal True "$(kubectl --namespace shop get pod "$1" --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')"; }
restarted() { [ "$(restarts "$1")" -gt "$2" ]; }

# The sidecar's process, on this machine: the one that has a volume of the pod mounted. (This script's own processes see
# all of the machine's mounts, and carry the name in their arguments; hence the anchor.)
kill_sidecar() {
  local uid process
  uid=$(kubectl --namespace shop get pod "$1" --output 'jsonpath={.metadata.uid}')
  for process in /proc/[0-9]*; do
    if grep -qs '^/rolebridge-sidecar.run' <(tr '\0' '.' 2> /dev/null < "$process/cmdline") &&
      grep -qs "$uid" "$process/mountinfo"; then
      kill -KILL "${process#/proc/}"
      return
    fi
  done
  echo "no sidecar's process for pod $uid"
  return 1
}

two_pods() { # each is killed once: the kubelet makes one wait that is killed again within ten minutes
  kubectl --namespace shop scale deployment nightly-report --replicas 2
  kubectl --namespace shop rollout status deployment/nightly-report --timeout 60s
}

survives_a_kill() {
  local pod=$1 before from; before=$(restarts "$pod")
  kill_sidecar "$pod"
  from=$(date +%s%N)
  eventually 30 restarted "$pod" "$before"
  eventually 15 ready "$pod"
  note "Ready after $((($(date +%s%N) - from) / 1000000)) ms"
  eventually 10 has '"rows"' rows "$pod"
}

# An address that nobody answers: the Service's port for AWS STS points elsewhere for a while.
sts() { # port that the fakes' Service sends calls to AWS STS to
  kubectl --namespace clouds patch service clouds --type json \
    --patch "[{\"op\": \"replace\", \"path\": \"/spec/ports/0/targetPort\", \"value\": $1}]"
}

survives_a_kill_without_sts() {
  sts 9
  trap 'sts 8443' EXIT
  survives_a_kill "$1"
}

# The projected token, as the kubelet keeps it on the node.
aws_token() {
  cat "$state/kubelet/pods/$(kubectl --namespace shop get pod "$1" --output 'jsonpath={.metadata.uid}')/volumes/kubernetes.io~projected/rolebridge-aws-token/token"
}
rotated() { [ "$(aws_token "$1")" != "$2" ]; }
sessions() { events AssumeRoleWithWebIdentity | grep -c '"status":200'; }
more_sessions() { [ "$(sessions)" -gt "$1" ]; }

survives_a_rotation() {
  local pod=$1 token before; token=$(aws_token "$pod")
  "$here/restart" kubelet
  eventually 60 rotated "$pod" "$token"
  before=$(sessions)
  survives_a_kill "$pod"
  eventually 20 more_sessions "$before"
}

refresh() {
  prove "two pods are ready" two_pods
  prove "a killed sidecar comes back, the pod is Ready again, and the app goes on" survives_a_kill "$(pod 0)"
  prove "the same while AWS STS is down" survives_a_kill_without_sts "$(pod 1)"
  prove "the same after the kubelet has rotated the AWS token: AWS takes the new one" survives_a_rotation "$(pod 0)"
}

if [ "$own" ]; then aside refresh; fi # until 60-under-load
