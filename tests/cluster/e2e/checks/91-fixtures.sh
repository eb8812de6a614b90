# Compares the command line and the webhook on each of tests/fixtures/pods.
# shellcheck shell=bash

fixtures=$work/fixtures # files that the program's steps exchange

# render_fixtures_chart NUMBER: renders the chart with the defaults of a group of cases, for their namespaces only.
render_fixtures_chart() {
  local folder=$fixtures/$1
  helm template "fixtures-$1" "$root/charts/rolebridge" --namespace fixtures --values "$folder/values.json" \
    --set fullnameOverride="fixtures-$1",webhook.replicas=1,webhook.resources.requests.cpu=10m \
    --set webhook.image.registry="$registry",webhook.image.pullPolicy="$pull" \
    --set certificates.mode=secret,certificates.secret.name=fixtures \
    --set-file certificates.secret.caBundle="$work/fixtures-ca.crt" > "$folder/chart.yaml"
  awk -v RS='---\n' -v out="$fixtures" '{print "---\n" $0 >> (out (/kind: MutatingWebhookConfiguration/ ? ".webhooks" : ".rest"))}' \
    "$folder/chart.yaml"
}

delete_fixtures() {
  kubectl delete --ignore-not-found --wait=false --filename "$fixtures.rest" --filename "$fixtures.webhooks"
  kubectl delete namespace fixtures --wait=false
}

# The command's pods are sent first, before the webhooks are registered.
fixtures_are_equal() {
  "$programs/fixtures" prepare "$fixtures"
  create_certificate fixtures '*.fixtures.svc'
  kubectl create namespace fixtures
  kubectl --namespace fixtures create secret tls fixtures --cert "$work/fixtures.crt" --key "$work/fixtures.key"
  local folder
  for folder in "$fixtures"/*; do render_fixtures_chart "$(basename "$folder")"; done
  trap delete_fixtures EXIT
  kubectl apply --filename "$fixtures.rest"
  "$programs/fixtures" inject "$fixtures"
  kubectl apply --filename "$fixtures.webhooks"
  kubectl --namespace fixtures wait deployment --all --for condition=Available --timeout "${longest_wait}s"
  "$programs/fixtures" compare "$fixtures" | tee "$fixtures.result"
  note "$(cat "$fixtures.result")"
}

if [ "$local_cluster" ]; then # it leaves about forty namespaces behind
  run_check "rolebridge inject and the webhook agree on each of tests/fixtures/pods" fixtures_are_equal
fi
