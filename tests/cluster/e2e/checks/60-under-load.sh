# What the webhook lives through while fifty pods a second are created. They are dry runs, which it reviews as any other.
# shellcheck shell=bash

goes_back() { helm rollback rolebridge --namespace "$system" --wait --timeout 60s; serves "$previous"; }

a_replica() { webhooks get pods --selector app.kubernetes.io/component=webhook --output 'jsonpath={.items[0].metadata.name}'; }
loses_a_replica() {
  local one; one=$(a_replica)
  webhooks delete pod "$one"
}

restarts_the_api_server() {
  "$here/restart" apiserver
  eventually 20 bare
}

prove "helm rollback to the previous version, under load" under_load goes_back
prove "a rolling update, under load" under_load goes_on
prove "kubectl delete pod of a replica, under load" under_load loses_a_replica
if [ "$own" ]; then
  prove "a restart of the API server, under load" under_load --api-restarts restarts_the_api_server
fi
