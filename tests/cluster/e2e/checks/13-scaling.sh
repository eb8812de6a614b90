# A HorizontalPodAutoscaler, which has its own periods: aside, until 16-rotation.
# shellcheck shell=bash

# There is no metrics server, so a stand-in says that each app uses half of what it requests.
autoscaler() {
  kubectl --namespace clouds create configmap metrics --from-file="$e2e/objects/metrics.py"
  a_certificate metrics metrics.clouds.svc
  kubectl --namespace clouds create secret tls metrics --cert "$work/metrics.crt" --key "$work/metrics.key"
  object metrics | kubectl apply --filename -
  kubectl --namespace clouds rollout status deployment/metrics --timeout 60s
  kubectl wait apiservice v1beta1.metrics.k8s.io --for condition=Available --timeout 30s
  local inject
  for inject in false true; do
    object scaled NAME=scaled-$inject INJECT=$inject | kubectl --namespace shop apply --filename -
    kubectl --namespace shop autoscale deployment scaled-$inject --cpu 50% --min 1 --max 5
  done
  for inject in false true; do
    eventually 40 has 'True 1' kubectl --namespace shop get hpa scaled-$inject \
      --output 'jsonpath={.status.conditions[?(@.type=="ScalingActive")].status} {.status.desiredReplicas}'
  done
  note "$(utilization scaled-false) % without, $(utilization scaled-true) % with it"
  kubectl --namespace shop delete hpa,deployment scaled-false scaled-true
  object metrics | kubectl delete --filename -
}

utilization() {
  kubectl --namespace shop get hpa "$1" --output 'jsonpath={.status.currentMetrics[0].resource.current.averageUtilization}'
}

scaling() { prove "a HorizontalPodAutoscaler measures an injected pod as it does one without a sidecar" autoscaler; }

if [ "$own" ]; then aside scaling; fi
