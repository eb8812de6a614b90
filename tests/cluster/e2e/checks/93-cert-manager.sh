# cert-manager issues the certificate and writes its CA into the webhook configurations.
# shellcheck shell=bash

start_cert_manager() {
  kubectl create --filename "$bin/cert-manager.yaml"
  kubectl wait --for condition=Established --timeout "${longest_wait}s" --filename "$bin/cert-manager.yaml"
  "$here/restart" cert-manager cainjector
}

cert_manager_certificate_is_used() {
  helm_install "$root/charts/rolebridge" --set webhook.drain.delaySeconds=1,certificates.mode=cert-manager
  output_has 'name: rolebridge-token' dry_run_pod
  # In this mode, only cert-manager may patch the webhook configuration.
  assert_equal no "$(kubectl auth can-i patch mutatingwebhookconfigurations/rolebridge \
    --as "system:serviceaccount:$system:rolebridge" 2> /dev/null)"
}

# Requests a renewal as `cmctl renew` does.
cert_manager_renewal_is_served() {
  local before; before=$(expiries)
  sleep 1 # the metric has a resolution of one second
  kubectl --namespace "$system" patch certificate rolebridge-tls --subresource status --type merge --patch \
    '{"status": {"conditions": [{"type": "Issuing", "status": "True", "reason": "Requested", "message": "by the test",
      "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}'
  eventually all_expiries_changed "$before"
  output_has 'name: rolebridge-token' dry_run_pod
}

# cert-manager keeps the Secrets that the notes of the installation name.
uninstall_both() {
  local command; command=$(helm get notes rolebridge --namespace "$system" | grep 'delete secret')
  helm uninstall rolebridge --namespace "$system" --wait --timeout "${longest_wait}s"
  assert_equal 'secret/rolebridge-ca secret/rolebridge-tls' "$(system_kubectl get secrets --output name | grep rolebridge | paste -sd ' ')"
  eval "$command"
  kubectl delete --filename "$bin/cert-manager.yaml" --timeout "${longest_wait}s"
  eventually list_cluster_objects # fails until API discovery no longer lists cert-manager's kinds
}

if [ "$local_cluster" ]; then
  run_check "cert-manager runs in the cluster" start_cert_manager
  run_check "the webhook uses a certificate of cert-manager, and has no permission to patch its configuration" cert_manager_certificate_is_used
  run_check "a certificate that cert-manager renewed is served without a restart" cert_manager_renewal_is_served
  run_check "Rolebridge and cert-manager are uninstalled" uninstall_both
fi
