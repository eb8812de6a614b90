# A certificate that the user makes. The other checks have one that the webhook manages.
# shellcheck shell=bash

give_secret() {
  a_certificate own "rolebridge.$system.svc"
  webhooks create secret tls own --cert "$work/own.crt" --key "$work/own.key" --dry-run=client --output yaml |
    kubectl apply --filename -
}

installs_with_it() {
  give_secret
  helm_install "$root/charts/rolebridge" --set webhook.drain.delaySeconds=1,certificates.mode=secret,certificates.secret.name=own \
    --set-file certificates.secret.caBundle="$work/own-ca.crt"
  has 'name: rolebridge-token' bare
}

expiries() { metrics | grep '^rolebridge_webhook_certificate_expiry_timestamp_seconds'; }
all_later() { # than these
  local now; now=$(expiries) || return
  [ -z "$(comm -12 <(sort -u <<< "$1") <(sort -u <<< "$now"))" ] || { echo "$now"; return 1; }
}

takes_another() {
  local before; before=$(expiries)
  give_secret
  eventually 120 all_later "$before"
  has 'name: rolebridge-token' bare
  helm uninstall rolebridge --namespace "$system" --wait --timeout 60s
}

prove "a certificate from a Secret" installs_with_it
prove "a renewed one is served without a restart" takes_another
