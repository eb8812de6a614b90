# Operations of the platform team.
# shellcheck shell=bash

defaults_change_without_restart() {
  local before; before=$(replica_uids)
  helm_upgrade --set defaults.settings.quota-project=shop-billing
  eventually output_has 'shop-billing' dry_run_pod
  assert_equal "$before" "$(replica_uids)"
}

rollback_reverts_defaults() {
  local before; before=$(replica_uids)
  helm rollback rolebridge --namespace "$system" --wait --timeout "${longest_wait}s"
  eventually output_lacks shop-billing dry_run_pod
  assert_equal "$before" "$(replica_uids)"
}

invalid_defaults_are_rejected() {
  fails_with "additional properties 'providr' not allowed" helm_upgrade --set defaults.settings.providr=x
  fails_with "at '/defaults/settings/provider'" helm_upgrade --set defaults.settings.provider=projects/x
  helm_upgrade --set-string defaults.settings.port=1023 # the schema checks only that the string has digits
  eventually stale_replicas_are 2
  output_has 'workloadIdentityPools/aws-pool/providers/eks-prod' dry_run_pod
  helm rollback rolebridge --namespace "$system" --wait --timeout "${longest_wait}s"
  eventually stale_replicas_are 0
}
# stale_replicas_are COUNT: succeeds if so many replicas could not reload the defaults.
stale_replicas_are() {
  local found; found=$(metric_sum 'rolebridge_webhook_config_stale{file="defaults"}') || return
  assert_equal "$1" "$found"
}

# Argo CD never applies the chart's Lease. To the webhook, that is the same as a deleted Lease.
deleted_lease_is_recreated() {
  system_kubectl delete lease rolebridge
  eventually output_has '"kind":"Secret","name":"rolebridge-managed"' system_kubectl get lease rolebridge \
    --output 'jsonpath={.metadata.ownerReferences}'
}

certificates_are_long_lived() {
  local metrics; metrics=$(webhook_metrics) || return
  awk -v tomorrow=$(($(date +%s) + 86400)) '/^rolebridge_webhook_certificate_expiry_timestamp_seconds/ {
    all++; long += $NF > tomorrow} END {exit !(all && long == all)}' <<< "$metrics"
}

run_check "changed defaults apply without a restart" defaults_change_without_restart
run_check "helm rollback reverts them" rollback_reverts_defaults
run_check "invalid defaults are rejected by the chart or by the webhook, which keeps the old ones" invalid_defaults_are_rejected
run_check "a deleted Lease is recreated, and the Secret owns it" deleted_lease_is_recreated
run_check "certificates with the usual lifetimes are served" eventually certificates_are_long_lived
