# What the webhook lives through while pods are created.
# shellcheck shell=bash

goes_back() { helm rollback rolebridge 1 --namespace "$system" --wait --timeout 60s; serves "$previous"; }

# The certificates' usual lives, without load: the last of the short ones may end before the first of the long ones is
# served.
goes_on_for_long() {
  upgrade --set certificates.managed.caLifetime=8760h,certificates.managed.certificateLifetime=720h,certificates.managed.publishDelay=5s
  eventually 90 serve_for_long
  serves "$version"
}
serve_for_long() {
  local pod day; day=$(($(date +%s) + 86400))
  for pod in $(webhooks get pods --selector app.kubernetes.io/component=webhook --output name); do
    kubectl get --raw "/api/v1/namespaces/$system/pods/${pod#pod/}:8080/proxy/metrics" |
      awk -v day="$day" '/^rolebridge_webhook_certificate_expiry_timestamp_seconds/ {good = $NF > day} END {exit !good}' || return 1
  done
}

rolls() { webhooks rollout restart deployment/rolebridge; settled; }

leader() { webhooks get lease rolebridge --output 'jsonpath={.spec.holderIdentity}'; }
other_leader() { local now; now=$(leader); [ "$now" ] && [ "$now" != "$1" ]; }

loses_its_leader() {
  local before; before=$(leader)
  webhooks delete pod "${before%%_*}"
  eventually 40 other_leader "$before"
}

loses_a_follower() {
  local leader pod; leader=$(leader)
  pod=$(webhooks get pods --selector app.kubernetes.io/component=webhook --output name | grep -v "/${leader%%_*}$" | head -n 1)
  webhooks delete "$pod"
}

restarts_the_api_server() {
  "$here/restart" apiserver
  eventually 20 bare
}

prove "helm rollback to the previous version, under load" under_load goes_back
prove "a rolling update to the certificates' usual lives" goes_on_for_long
prove "a rolling update, under load" under_load rolls
prove "kubectl delete pod of a replica, under load" under_load loses_a_follower
prove "the loss of the leader, under load" under_load loses_its_leader
if [ "$own" ]; then
  prove "a restart of the API server, under load" under_load --api-restarts restarts_the_api_server
fi
