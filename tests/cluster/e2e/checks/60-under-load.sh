# Disruptions of the webhook while pods are created.
# shellcheck shell=bash

rollback_to_previous() { helm rollback rolebridge 1 --namespace "$system" --wait --timeout "${longest_wait}s"; serves_version "$previous"; }

restart_rollout() { system_kubectl rollout restart deployment/rolebridge; }

current_leader() { system_kubectl get lease rolebridge --output 'jsonpath={.spec.holderIdentity}'; }
leader_changed() { local leader; leader=$(current_leader); [ "$leader" ] && [ "$leader" != "$1" ]; }

delete_leader() {
  local before; before=$(current_leader)
  system_kubectl delete pod "${before%%_*}"
  eventually leader_changed "$before"
}

delete_follower() {
  local leader pod; leader=$(current_leader)
  pod=$(webhook_pods | grep -vx "${leader%%_*}" | sed -n 1p)
  system_kubectl delete pod "$pod"
}

restart_api_server() {
  "$here/restart" apiserver
  eventually dry_run_pod
}

# Pauses etcd again and again: ten times 0.4 of 0.8 seconds.
slow_etcd() {
  local pid; pid=$(cat "$state/etcd.pid")
  for _ in {1..10}; do
    kill -STOP "$pid"; sleep .4
    kill -CONT "$pid"; sleep .4
  done
}

if [ "$local_cluster" ]; then
  run_check "restart of the API server, under load" with_load --api-restarts restart_api_server
fi
run_check "load: fifty pods a second are created again" start_load
if [ "$local_cluster" ]; then
  run_check "slow etcd, under load" during_load slow_etcd
fi
run_check "rolling update, under load" during_load restart_rollout
run_check "kubectl delete pod of a replica, under load" during_load delete_follower
run_check "loss of the leader, under load" during_load delete_leader
run_check "helm rollback to the previous version, under load" during_load rollback_to_previous
run_check "no creation fails in the seconds after the rollback" stop_load
