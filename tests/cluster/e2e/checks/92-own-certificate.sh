# A certificate that the user supplies in a Secret. In the other checks the webhook manages its certificate.
# shellcheck shell=bash

apply_secret() {
  create_certificate own "rolebridge.$system.svc"
  system_kubectl create secret tls own --cert "$work/own.crt" --key "$work/own.key" --dry-run=client --output yaml |
    kubectl apply --filename -
}

secret_certificate_is_used() {
  apply_secret
  helm_install "$root/charts/rolebridge" --set webhook.drain.delaySeconds=1,certificates.mode=secret,certificates.secret.name=own \
    --set-file certificates.secret.caBundle="$work/own-ca.crt"
  output_has 'name: rolebridge-token' dry_run_pod
}

expiries() { webhook_metrics | grep '^rolebridge_webhook_certificate_expiry_timestamp_seconds'; }
all_expiries_changed() { # earlier expiries
  local current; current=$(expiries) || return
  [ -z "$(comm -12 <(sort -u <<< "$1") <(sort -u <<< "$current"))" ] || { echo "$current"; return 1; }
}

renewed_certificate_is_served() {
  local before; before=$(expiries)
  apply_secret
  eventually all_expiries_changed "$before"
  output_has 'name: rolebridge-token' dry_run_pod
  helm uninstall rolebridge --namespace "$system" --wait --timeout "${longest_wait}s"
}

run_check "the webhook uses a certificate from a Secret" secret_certificate_is_used
run_check "a renewed certificate is served without a restart" renewed_certificate_is_served
