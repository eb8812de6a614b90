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

bad_defaults_are_not_taken() {
  refused "additional properties 'providr' not allowed" upgrade --set defaults.settings.providr=x
  refused "at '/defaults/settings/provider'" upgrade --set defaults.settings.provider=projects/x
  upgrade --set-string defaults.settings.port=1023 # the schema knows a text by its digits alone
  eventually 90 refuse_reloads 2
  has 'workloadIdentityPools/aws/providers/eks' bare
  helm rollback rolebridge --namespace "$system" --wait --timeout 60s
  eventually 90 refuse_reloads 0
}
# refuse_reloads COUNT: so many replicas.
refuse_reloads() {
  local found; found=$(metric 'rolebridge_webhook_reload_refused{file="defaults"}') || return
  equal "$1" "$found"
}

# Argo CD never applies the chart's Lease, which is the same to the webhook.
lease_comes_back() {
  webhooks delete lease rolebridge
  eventually 20 has '"kind":"Secret","name":"rolebridge-managed"' webhooks get lease rolebridge \
    --output 'jsonpath={.metadata.ownerReferences}'
}

serve_for_long() {
  local all; all=$(metrics) || return
  awk -v day=$(($(date +%s) + 86400)) '/^rolebridge_webhook_certificate_expiry_timestamp_seconds/ {
    all++; good += $NF > day} END {exit !(all && good == all)}' <<< "$all"
}

prove "changed defaults hold without a restart" defaults_change_alive
prove "helm rollback undoes them" rollback_undoes_it
prove "unusable defaults are refused by the chart, or not taken by the webhook, which goes on with the old ones" bad_defaults_are_not_taken
prove "a Lease that is gone comes back, and belongs to the Secret" lease_comes_back
prove "certificates of the usual lives are served" eventually 90 serve_for_long
