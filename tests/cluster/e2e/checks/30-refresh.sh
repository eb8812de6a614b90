# Disruptions of a running pod.
# shellcheck shell=bash

report_pod() { # index
  kubectl --namespace shop get pods --selector app=nightly-report --output "jsonpath={.items[$1].metadata.name}"
}
restarts() { kubectl --namespace shop get pod "$1" --output 'jsonpath={.status.initContainerStatuses[0].restartCount}'; }
ready() {
  assert_equal True "$(kubectl --namespace shop get pod "$1" --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')"
}
restarted() { [ "$(restarts "$1")" -gt "$2" ]; }

# kill_sidecar POD: kills the sidecar's process on this machine: the one that has a volume of the pod mounted. (This
# script's own processes see all mounts of the machine, and have the name in their arguments; hence the anchor.)
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
  echo "no sidecar process found for pod $uid"
  return 1
}

scale_to_two() { # each pod is killed once, because the kubelet backs off after a second kill within ten minutes
  kubectl --namespace shop scale deployment nightly-report --replicas 2
  kubectl --namespace shop rollout status deployment/nightly-report --timeout "${longest_wait}s"
}

survives_kill() { # pod
  local pod=$1 before killed; before=$(restarts "$pod")
  kill_sidecar "$pod"
  killed=$(date +%s%N)
  eventually restarted "$pod" "$before"
  eventually ready "$pod"
  note "Ready after $((($(date +%s%N) - killed) / 1000000)) ms"
  eventually output_has '"rows"' recent_rows "$pod"
}

# redirect_sts PORT: sets the target port of the fakes' Service for AWS STS. Nothing listens on port 9.
redirect_sts() {
  kubectl --namespace clouds patch service clouds --type json \
    --patch "[{\"op\": \"replace\", \"path\": \"/spec/ports/0/targetPort\", \"value\": $1}]"
}

survives_kill_without_sts() { # pod
  redirect_sts 9
  trap 'redirect_sts 8443' EXIT
  survives_kill "$1"
}

refresh() {
  run_check "two pods are ready" scale_to_two
  run_check "a killed sidecar restarts, the pod becomes Ready, and the app keeps working" survives_kill "$(report_pod 0)"
  run_check "the same while AWS STS is unavailable" survives_kill_without_sts "$(report_pod 1)"
}

if [ "$local_cluster" ]; then start_in_background refresh; fi # until 55-kubelet
