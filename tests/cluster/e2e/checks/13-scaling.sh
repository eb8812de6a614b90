# A HorizontalPodAutoscaler. It has its own sync period, so it runs in the background until 16-rotation.
# shellcheck shell=bash

# The cluster has no metrics-server. A fake reports that each app uses half of its CPU request.
autoscaler_scales_injected_pods() {
  kubectl --namespace clouds create configmap metrics --from-file="$e2e/objects/metrics.py"
  create_certificate metrics metrics.clouds.svc
  kubectl --namespace clouds create secret tls metrics --cert "$work/metrics.crt" --key "$work/metrics.key"
  render_object metrics | kubectl apply --filename -
  kubectl --namespace clouds rollout status deployment/metrics --timeout "${longest_wait}s"
  kubectl wait apiservice v1beta1.metrics.k8s.io --for condition=Available --timeout "${longest_wait}s"
  local inject
  for inject in false true; do
    render_object scaled NAME=scaled-$inject INJECT=$inject | kubectl --namespace shop apply --filename -
    kubectl --namespace shop autoscale deployment scaled-$inject --cpu 50% --min 1 --max 5
  done
  for inject in false true; do
    eventually output_has 'True 1' kubectl --namespace shop get hpa scaled-$inject \
      --output 'jsonpath={.status.conditions[?(@.type=="ScalingActive")].status} {.status.desiredReplicas}'
  done
  note "$(utilization scaled-false) % without a sidecar, $(utilization scaled-true) % with it"
  kubectl --namespace shop delete hpa,deployment scaled-false scaled-true
  render_object metrics | kubectl delete --filename -
}

utilization() {
  kubectl --namespace shop get hpa "$1" --output 'jsonpath={.status.currentMetrics[0].resource.current.averageUtilization}'
}

scaling() {
  run_check "a HorizontalPodAutoscaler scales an injected pod as one without a sidecar" autoscaler_scales_injected_pods
}

if [ "$local_cluster" ]; then start_in_background scaling; fi
