# NetworkPolicies that are enforced, by kube-router, and Prometheus behind them. Only on this machine, if its kernel has ipset.
# shellcheck shell=bash

api=$api_address # address of the Service `kubernetes`

# connect NAMESPACE ADDRESS PORT: connects from the probe of a namespace.
connect() {
  kubectl --namespace "$1" exec probe -- /python/bin/python3 -c \
    "import socket; socket.create_connection(('$2', $3), 3); print('connected')"
}
connects() { output_has connected connect "$@"; }
is_refused() { fails_with 'Connection refused' connect "$@"; }
create_probe() { # namespace, labels
  render_object probe LABELS="$2" | kubectl --namespace "$1" apply --filename -
  kubectl --namespace "$1" wait pod probe --for 'jsonpath={.status.phase}=Running' --timeout "${longest_wait}s"
}
first_webhook_address() { system_kubectl get pods --selector app.kubernetes.io/component=webhook,pod-template-hash \
  --output 'jsonpath={.items[0].status.podIP}'; } # not the probe, which has no hash
clouds_address() { kubectl --namespace clouds get pods --selector app=clouds --output 'jsonpath={.items[0].status.podIP}'; }

# The values narrow the addresses to those of the API server, as the installation page says.
install_behind_policies() {
  install_definitions
  kubectl create namespace monitoring
  helm_install "$root/charts/rolebridge" --set webhook.drain.delaySeconds=1 --values - << X
networkPolicy:
  allowedCIDRs: [$node_ipv4/32]
  apiServerCIDRs: [$node_ipv4/32, $api/32]
  metricsNamespaces: [monitoring]
monitoring:
  serviceMonitor: { enabled: true, interval: 1s }
  podMonitor: { enabled: true, interval: 1s, namespaces: [shop] }
  prometheusRule: { enabled: true }
X
  create_probe_of_the_webhook
  create_probe shop '{}'
  create_probe monitoring '{}'
}
create_probe_of_the_webhook() { # with the labels of a replica
  create_probe "$system" "$(system_kubectl get deployment rolebridge --output 'jsonpath={.spec.selector.matchLabels}')"
}

# Without an enforcer all connections are possible, so that a refused one below is the work of a policy.
everything_connects() {
  local webhook; webhook=$(first_webhook_address)
  connects shop "$webhook" 9443
  connects shop "$webhook" 8080
  connects monitoring "$webhook" 8080
  connects "$system" "$api" 443
  connects "$system" "$node_ipv4" 10250
  connects "$system" "$(clouds_address)" 8443
}

policies_are_enforced() {
  "$here/restart" kube-router
  local webhook; webhook=$(first_webhook_address)
  eventually is_refused shop "$webhook" 9443
  is_refused monitoring "$webhook" 9443
  is_refused shop "$webhook" 8080
  connects monitoring "$webhook" 8080
  # By the labels of the probe in its namespace, the policy is that of the webhook.
  connects "$system" "$api" 443
  is_refused "$system" "$node_ipv4" 10250
  is_refused "$system" "$(clouds_address)" 8443
  is_refused "$system" "$(clouds_address)" 8080
  system_kubectl delete pod probe --ignore-not-found
}

# New replicas need the API server before they are ready.
admission_works_behind_policies() {
  system_kubectl rollout restart deployment/rolebridge
  wait_for_rollout
  output_has 'name: rolebridge-token' dry_run_pod
}

# create_egress_policy NAME PORT...: lets the app of this name reach only some ports of the fake clouds.
create_egress_policy() {
  local name=$1 port ports; shift
  for port in "$@"; do ports+="{\"port\": $port},"; done
  shop_kubectl create --filename - << X
{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "$name"}, "spec": {
  "podSelector": {"matchLabels": {"app": "$name"}}, "policyTypes": ["Egress"], "egress": [{"ports": [${ports%,}],
  "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "clouds"}}}]}]}}
X
}
create_apps_behind_policies() {
  create_egress_policy no-aws 8444 8445 8446 8447
  create_egress_policy no-google 8443
  create_app no-aws
  create_app no-google
}
doctor_names_the_policy() {
  create_apps_behind_policies
  eventually doctor_finds no-aws '✗ AWS STS ' 'Connection refused' "the pod's egress is limited by no-aws" \
    'allow the pod to reach'
  eventually doctor_finds no-google '✓ AWS STS ' '✗ Google STS ' 'Connection refused' \
    "the pod's egress is limited by no-google" 'allow the pod to reach'
  shop_kubectl delete deployment/no-aws deployment/no-google networkpolicy/no-aws networkpolicy/no-google --wait=false
}

prometheus() { "$chart_python" "$e2e/prometheus.py" "$@"; }
# The kubelet updates the files of the ConfigMap in the pod, and Prometheus reads them again.
configure_prometheus() {
  mkdir -p "$work/prometheus"
  prometheus config "$work/prometheus" || return
  kubectl --namespace monitoring create configmap prometheus --from-file "$work/prometheus" --dry-run=client --output yaml |
    kubectl apply --filename -
}
prometheus_scrapes() {
  render_variant deployment scraped rolebridge.io/metrics-port=9102 | shop_kubectl apply --filename -
  "$here/program-image" "$registry/prometheus:$version" "$work/prometheus.tar" "$bin/prometheus"
  "$here/load" "$work/prometheus.tar"
  shop_kubectl rollout status deployment/scraped --timeout "${longest_wait}s"
  configure_prometheus
  "$bin/promtool" check config --syntax-only "$work/prometheus/prometheus.json"
  render_object prometheus | kubectl apply --filename -
  kubectl --namespace monitoring wait pod prometheus --for condition=Ready --timeout "${longest_wait}s"
  eventually prometheus targets "serviceMonitor/$system/rolebridge/0=$(replica_uids | wc -w)" \
    "podMonitor/$system/rolebridge-sidecars/0=1"
}
dashboard_has_series() { eventually prometheus dashboard; note "$(prometheus dashboard)"; }
no_alert_fires() { eventually prometheus rules; prometheus none-firing; note "$(prometheus rules)"; }

uninstall_all() {
  (. "$here/processes.sh" && cd "$state" && stop_enforcement)
  system_kubectl delete pod probe --ignore-not-found
  shop_kubectl delete pod/probe deployment/scraped --wait=false
  helm uninstall rolebridge --namespace "$system" --wait --timeout "${longest_wait}s"
  kubectl delete namespace monitoring --wait=false
  delete_definitions
}

if [ "$local_cluster" ]; then
  if reason=$(. "$here/processes.sh"; can_enforce); then
    # shellcheck source=tests/python/venv.sh
    . "$root/tests/python/venv.sh"
    chart_python=$(venv "$root/tests/chart/requirements.txt")/bin/python3
    run_check "the chart is installed with narrow policies, and monitoring" install_behind_policies
    run_check "without an enforcer, every connection is possible" everything_connects
    run_check "policies: only the API server reaches the webhook, only Prometheus its metrics; it reaches only the API server" \
      policies_are_enforced
    run_check "policies: new replicas start, and admission works" admission_works_behind_policies
    run_check "a pod that may not reach AWS STS or Google: doctor names the policy" doctor_names_the_policy
    run_check "Prometheus scrapes the targets of the monitors through the policies" prometheus_scrapes
    run_check "each query of the dashboard has series" dashboard_has_series
    run_check "the alerts are evaluated, and none fires" no_alert_fires
    run_check "the enforcer stops, and everything is uninstalled" uninstall_all
  else
    echo "omitted: enforced network policies: $reason"
    table+=("omitted: enforced network policies: $reason")
  fi
fi
