# The chart as a dependency of an umbrella chart, with monitoring and all policies. The queries of the dashboard and the alerts are
# evaluated on the real metrics. 94-networks enforces the policies and runs Prometheus.
# shellcheck shell=bash

# The settings of this run, one level deeper than for the chart itself.
write_umbrella() {
  cp -r "$root/tests/chart/umbrella" "$work/platform"
  mkdir "$work/platform/charts"
  cp -r "$root/charts/rolebridge" "$work/platform/charts"
  {
    printf 'global: { registry: %s, imagePullSecrets: [] }\nrolebridge:\n' "$registry"
    sed 's/^/  /' "$e2e/values.yaml"
    cat << X
    image: { pullPolicy: $pull }
    drain: { delaySeconds: 1 }
  sidecar: { image: { pullPolicy: $pull } }
  admission:
    policy: { enabled: true, sidecarRepositories: [$registry/sidecar] }
  networkPolicy: { metricsNamespaces: [clouds] }
  monitoring:
    serviceMonitor: { enabled: true }
    podMonitor: { enabled: true }
    prometheusRule: { enabled: true, alerts: { RolebridgeUnreachable: { enabled: true } } }
    dashboard: { enabled: true, namespace: clouds, folder: Platform }
X
  } > "$work/platform/test.yaml"
}

umbrella_installs() {
  install_definitions
  write_umbrella
  helm install platform "$work/platform" --namespace "$system" --values "$work/platform/test.yaml" \
    --set rolebridge.defaults.settings.aws-sts-endpoint="$clouds_aws_sts" \
    --set rolebridge.defaults.settings.sts-endpoint="$clouds_google_sts" \
    --set rolebridge.defaults.settings.iam-credentials-endpoint="$clouds_iam" --wait --timeout "${longest_wait}s"
  output_has 'name: rolebridge-token' dry_run_pod
  # The ServiceMonitor selects the Service, and names one of its ports.
  local labels; labels=$(system_kubectl get servicemonitor rolebridge --output 'jsonpath={.spec.selector.matchLabels}')
  labels=$(tr -d '{}"' <<< "$labels" | tr ':' '=')
  assert_equal metrics "$(system_kubectl get service --selector "$labels" \
    --output 'jsonpath={.items[*].spec.ports[?(@.name=="metrics")].name}')"
  system_kubectl get prometheusrule,podmonitor,networkpolicy
  kubectl --namespace clouds get configmap rolebridge-dashboard
  fails_with 'expected the namespace of Prometheus' helm upgrade platform "$work/platform" --namespace "$system" \
    --reuse-values --set-json rolebridge.networkPolicy.metricsNamespaces=[]
}

# The port of the sidecar has the name that the PodMonitor selects.
queries_have_results() {
  render_variant deployment scraped rolebridge.io/metrics-port=9102 | kubectl --namespace shop apply --filename -
  kubectl --namespace shop rollout status deployment/scraped --timeout "${longest_wait}s"
  local pod path='jsonpath={.spec.initContainers[?(@.name=="rolebridge")].ports[*].name}'
  pod=$(app_pod scraped)
  assert_equal "$(system_kubectl get podmonitor rolebridge-sidecars --output 'jsonpath={.spec.podMetricsEndpoints[*].port}')" \
    "$(kubectl --namespace shop get pod "$pod" --output "$path")"
  kubectl get --raw "/api/v1/namespaces/shop/pods/$pod:9102/proxy/metrics" > "$work/sidecar.prom"
  pod=$(webhook_pod)
  kubectl get --raw "/api/v1/namespaces/$system/pods/$pod:8080/proxy/metrics" > "$work/webhook.prom"
  kubectl --namespace shop delete deployment scraped --wait=false
  # shellcheck source=tests/python/venv.sh
  . "$root/tests/python/venv.sh"
  local python; python=$(venv "$root/tests/chart/requirements.txt")
  "$python/bin/python3" "$root/tests/chart/queries.py" "$work/webhook.prom" "$work/sidecar.prom" > "$work/queries"
  note "$(cat "$work/queries")"
}

umbrella_is_disabled() {
  helm upgrade platform "$work/platform" --namespace "$system" --reuse-values --set rolebridge.enabled=false --wait --timeout "${longest_wait}s"
  fails_with NotFound kubectl get mutatingwebhookconfiguration rolebridge
  helm uninstall platform --namespace "$system" --wait --timeout "${longest_wait}s"
  delete_definitions
}

run_check "an umbrella chart installs the chart, with monitoring and all policies" umbrella_installs
run_check "the queries of the dashboard and the alerts have results on the real metrics" queries_have_results
run_check "an umbrella chart can switch the chart off" umbrella_is_disabled
