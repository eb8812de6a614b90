# cert-manager makes the certificate and writes its CA into the configurations.
# shellcheck shell=bash

cert_manager_runs() {
  kubectl create --filename "$bin/cert-manager.yaml"
  kubectl wait --for condition=Established --timeout 30s --filename "$bin/cert-manager.yaml"
  "$here/restart" cert-manager cainjector
}

cert_manager_makes_it() {
  helm_install "$root/charts/rolebridge" --set webhook.drain.delaySeconds=1,certificates.mode=cert-manager
  has 'name: rolebridge-token' bare
  # What cert-manager takes on itself, the webhook may not do.
  equal no "$(kubectl auth can-i patch mutatingwebhookconfigurations/rolebridge \
    --as "system:serviceaccount:$system:rolebridge" 2> /dev/null)"
}

# As `cmctl renew` does.
cert_manager_renews_it() {
  local before; before=$(expiries)
  sleep 1 # its end is told in seconds
  kubectl --namespace "$system" patch certificate rolebridge-tls --subresource status --type merge --patch \
    '{"status": {"conditions": [{"type": "Issuing", "status": "True", "reason": "Asked", "message": "by hand",
      "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}'
  eventually 120 all_later "$before"
  has 'name: rolebridge-token' bare
}

cert_manager_goes() {
  helm uninstall rolebridge --namespace "$system" --wait --timeout 60s
  kubectl delete --filename "$bin/cert-manager.yaml" --timeout 60s
  eventually 20 of_cluster # what lists the cluster's kinds has seen that they are gone
}

if [ "$own" ]; then
  prove "cert-manager runs beside it" cert_manager_runs
  prove "a certificate from cert-manager, which needs no right in the webhook" cert_manager_makes_it
  prove "one that cert-manager renews is served without a restart" cert_manager_renews_it
  prove "both go" cert_manager_goes
fi
