# Disables and enables two features of the chart. This upgrade also sets the usual lifetimes of certificates. The checks
# after it give the webhook time: it issues the first long-lived certificate only when the last short-lived CA is old.
# shellcheck shell=bash

# One upgrade for both features, because an upgrade takes seconds. It runs without load, because the last short-lived
# certificate may expire before the first long-lived one is served.
policy_denies_uninjected_pods() {
  helm_upgrade --set admission.workloads.enabled=false,admission.policy.enabled=true \
    --set certificates.managed.caLifetime=8760h,certificates.managed.certificateLifetime=720h,certificates.managed.publishDelay=5s
  fails_with 'not found' kubectl get mutatingwebhookconfiguration rolebridge-workloads
  eventually 20 dry_run_pod
  kubectl delete mutatingwebhookconfiguration rolebridge
  eventually 20 fails_with 'the webhook rolebridge has not injected it' dry_run_pod
  kubectl --namespace shop run plain --image app --dry-run=server
}

workloads_are_enabled_again() { # also recreates the deleted configuration, owned by Helm
  helm_upgrade --set admission.workloads.enabled=true,admission.policy.enabled=false
  kubectl get mutatingwebhookconfiguration rolebridge-workloads
  eventually 20 output_has 'name: rolebridge-token' dry_run_pod
}

run_check "the workloads configuration is removed; the policy denies only opted-in pods that were not injected" \
  policy_denies_uninjected_pods
run_check "the webhook configurations are recreated, and the policy is removed" workloads_are_enabled_again
