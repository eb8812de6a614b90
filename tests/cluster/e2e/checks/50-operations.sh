# What a platform team does with it.
# shellcheck shell=bash

defaults_change_alive() {
  local before; before=$(replicas)
  upgrade --set defaults.settings.quota-project=shop-billing
  eventually 90 has 'shop-billing' bare
  equal "$before" "$(replicas)"
}

rollback_undoes_it() {
  local before; before=$(replicas)
  helm rollback rolebridge --namespace "$system" --wait --timeout 60s
  eventually 90 lacks shop-billing bare
  equal "$before" "$(replicas)"
}
lacks() { local text=$1; shift; [[ $("$@") != *"$text"* ]]; }

bad_defaults_are_not_taken() {
  refused "additional properties 'providr' not allowed" upgrade --set defaults.settings.providr=x
  upgrade --set defaults.settings.provider=projects/x
  eventually 90 has '"defaults",taken="false"} 1' kubectl get --raw \
    "/api/v1/namespaces/$system/pods/$(webhooks get pods --selector app.kubernetes.io/component=webhook \
      --output 'jsonpath={.items[0].metadata.name}'):8080/proxy/metrics"
  has 'workloadIdentityPools/aws/providers/eks' bare
  helm rollback rolebridge --namespace "$system" --wait --timeout 60s
}

# Two of the chart's switches at a time: an upgrade takes its seconds. With it come the certificates' usual lives; without
# load, since the last of the short ones may end before the first of the long ones is served.
policy_for_workloads() {
  upgrade --set admission.workloads.enabled=false,admission.policy.enabled=true \
    --set certificates.managed.caLifetime=8760h,certificates.managed.certificateLifetime=720h,certificates.managed.publishDelay=5s
  refused 'not found' kubectl get mutatingwebhookconfiguration rolebridge-workloads
  eventually 20 bare
  kubectl delete mutatingwebhookconfiguration rolebridge
  eventually 20 refused 'the webhook rolebridge has not injected it' bare
  kubectl --namespace shop run plain --image app --dry-run=server
}

workloads_for_policy() { # which also brings the deleted configuration back, as Helm's own
  upgrade --set admission.workloads.enabled=true,admission.policy.enabled=false
  kubectl get mutatingwebhookconfiguration rolebridge-workloads
  eventually 20 has 'name: rolebridge-token' bare
}

all_replicas_down() {
  webhooks scale deployment rolebridge --replicas 0
  eventually 60 gone
  kubectl --namespace shop run plain --image app --dry-run=server
  refused 'failed calling webhook "pods.rolebridge.io"' bare
  has 'deployment.apps/nightly-report' kubectl --namespace shop annotate deployment nightly-report seen=down --overwrite
  webhooks scale deployment rolebridge --replicas 2
  webhooks rollout status deployment/rolebridge --timeout 60s
  eventually 10 bare
}

serve_for_long() {
  local pod day; day=$(($(date +%s) + 86400))
  for pod in $(webhooks get pods --selector app.kubernetes.io/component=webhook --output name); do
    kubectl get --raw "/api/v1/namespaces/$system/pods/${pod#pod/}:8080/proxy/metrics" |
      awk -v day="$day" '/^rolebridge_webhook_certificate_expiry_timestamp_seconds/ {good = $NF > day} END {exit !good}' || return 1
  done
}

gone() { equal "" "$(replicas)"; }

prove "changed defaults hold without a restart" defaults_change_alive
prove "helm rollback undoes them" rollback_undoes_it
prove "unusable defaults are refused by the chart, or not taken by the webhook, which goes on with the old ones" bad_defaults_are_not_taken
prove "the configuration for workloads goes; the policy refuses an opted-in pod that was not injected, and no other" \
  policy_for_workloads
prove "the configurations come back whole, the policy goes" workloads_for_policy
prove "with every replica down opted-in pods are refused, others are created, workloads are applied" all_replicas_down
prove "certificates of the usual lives are served" eventually 90 serve_for_long
