# Two of the chart's switches, off and on again. With them come the certificates' usual lives, and the checks after these
# give them their time: the first long one waits until the last short CA is old.
# shellcheck shell=bash

# Both at a time: an upgrade takes its seconds. Without load, since the last of the short certificates may end before the
# first of the long ones is served.
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

prove "the configuration for workloads goes; the policy refuses an opted-in pod that was not injected, and no other" \
  policy_for_workloads
prove "the configurations come back whole, the policy goes" workloads_for_policy
