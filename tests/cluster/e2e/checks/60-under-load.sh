# What the webhook lives through while pods are created.
# shellcheck shell=bash

goes_back() { helm rollback rolebridge 1 --namespace "$system" --wait --timeout 60s; serves "$previous"; }

rolls() { webhooks rollout restart deployment/rolebridge; }

leader() { webhooks get lease rolebridge --output 'jsonpath={.spec.holderIdentity}'; }
other_leader() { local now; now=$(leader); [ "$now" ] && [ "$now" != "$1" ]; }

loses_its_leader() {
  local before; before=$(leader)
  webhooks delete pod "${before%%_*}"
  eventually 40 other_leader "$before"
}

loses_a_follower() {
  local leader pod; leader=$(leader)
  pod=$(staying | grep -vx "${leader%%_*}" | head -n 1)
  webhooks delete pod "$pod"
}

restarts_the_api_server() {
  "$here/restart" apiserver
  eventually 20 bare
}

back refresh
if [ "$own" ]; then
  prove "a restart of the API server, under load" under_load --api-restarts restarts_the_api_server
fi
prove "fifty pods a second are created again" load_begins
prove "a rolling update, under load" during_load rolls
prove "kubectl delete pod of a replica, under load" during_load loses_a_follower
prove "the loss of the leader, under load" during_load loses_its_leader
prove "helm rollback to the previous version, under load" during_load goes_back
prove "and not one fails in the seconds after" load_ends
