# The addresses of the cluster's network (CLUSTER_NETWORK): IPv4, IPv6 or both.
# shellcheck shell=bash

# families: reads addresses, and prints the families that they have.
families() { tr -s ' \n' '\n' | sed -n 's/.*:.*/ipv6/p; s/.*\..*/ipv4/p' | sort -u | xargs; }

webhook_has_addresses_of_the_network() {
  local expected=$network
  [ "$network" != dual-stack ] || expected='ipv4 ipv6'
  assert_equal "$expected" "$(system_kubectl get pods --selector app.kubernetes.io/component=webhook \
    --output 'jsonpath={.items[*].status.podIPs[*].ip}' | families)"
  # The chart's Service has one family, the first of the cluster, as Kubernetes gives it by default.
  assert_equal "${expected%% *}" "$(system_kubectl get service rolebridge --output 'jsonpath={.spec.clusterIPs[*]}' | families)"
  note "$expected"
}

# Nothing listens at the proxy's address. 15-doctor shows that it is called without this list.
networks_in_no_proxy_are_called_directly() {
  create_app proxied rolebridge.io/https-proxy=http://127.0.0.1:9 "rolebridge.io/no-proxy=$service_ranges"
  shop_kubectl rollout status deployment/proxied --timeout "${longest_wait}s"
  eventually output_has '{"rows":[["2026-11-22","1398"],["2026-11-23","1451"]]}' recent_rows deployment/proxied
  shop_kubectl delete deployment proxied --wait=false
}

if [ "$local_cluster" ]; then
  run_check "pods and Service of the webhook have addresses of the cluster's network" webhook_has_addresses_of_the_network
  run_check "a network in NO_PROXY is called without the proxy" networks_in_no_proxy_are_called_directly
fi
