# Each of tests/fixtures/pods by the command line and by the webhook.
# shellcheck shell=bash

given=$work/fixtures # what the program's steps hand on

# fixtures_chart NUMBER: the chart with the defaults of some of the cases, which is asked about their namespaces alone.
fixtures_chart() {
  local into=$given/$1
  helm template "fixtures-$1" "$root/charts/rolebridge" --namespace fixtures --values "$into/values.json" \
    --set fullnameOverride="fixtures-$1",webhook.replicas=1,webhook.resources.requests.cpu=10m \
    --set webhook.image.registry="$registry",webhook.image.pullPolicy="$pull" \
    --set certificates.mode=secret,certificates.secret.name=fixtures \
    --set-file certificates.secret.caBundle="$work/fixtures-ca.crt" > "$into/chart.yaml"
  awk -v RS='---\n' -v into="$given" '{print "---\n" $0 >> (into (/kind: MutatingWebhookConfiguration/ ? ".asks" : ".rest"))}' \
    "$into/chart.yaml"
}

fixtures_go() {
  kubectl delete --ignore-not-found --wait=false --filename "$given.rest" --filename "$given.asks"
  kubectl delete namespace fixtures --wait=false
}

# The command's pods come first, while no webhook is asked.
fixtures_are_equal() {
  "$programs/fixtures" place "$given"
  a_certificate fixtures '*.fixtures.svc'
  kubectl create namespace fixtures
  kubectl --namespace fixtures create secret tls fixtures --cert "$work/fixtures.crt" --key "$work/fixtures.key"
  local folder
  for folder in "$given"/*; do fixtures_chart "$(basename "$folder")"; done
  trap fixtures_go EXIT
  kubectl apply --filename "$given.rest"
  "$programs/fixtures" inject "$given"
  kubectl apply --filename "$given.asks"
  kubectl --namespace fixtures wait deployment --all --for condition=Available --timeout 60s
  "$programs/fixtures" compare "$given" | tee "$given.said"
  note "$(cat "$given.said")"
}

if [ "$own" ]; then # it leaves some forty namespaces
  prove "each of tests/fixtures/pods is the same by rolebridge inject and by the webhook" fixtures_are_equal
fi
