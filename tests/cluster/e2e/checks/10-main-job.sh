# The main job: one annotation, and the app works with the pod's IAM role.
# shellcheck shell=bash

deployment_reads() {
  object deployment | kubectl --namespace shop apply --filename -
  kubectl --namespace shop rollout status deployment/nightly-report --timeout 60s
  eventually 30 has '{"rows":[["2026-11-22","1398"],["2026-11-23","1451"]]}' rows deployment/nightly-report
}

principal_is_the_role() {
  has 'assumed-role/nightly-report/shop.nightly-report' events ExchangeToken
  has 'nightly-report@shop-analytics.iam.gserviceaccount.com' events GenerateAccessToken
}

sidecar_is_native_and_first() {
  equal 'rolebridge Always' "$(kubectl --namespace shop get pods --selector app=nightly-report \
    --output 'jsonpath={.items[0].spec.initContainers[0].name} {.items[0].spec.initContainers[0].restartPolicy}')"
}

# Ahead of when they are looked at: Python takes its time to start, and a Job's containers come one after the other.
others_begin() {
  object job | kubectl --namespace shop apply --filename -
  another deployment scraped rolebridge.io/metrics-port=9102 | kubectl --namespace shop apply --filename -
  object python-pod NAMESPACE=shop NAME=python INJECT=true ARGUMENT=--all POD_USER='' USER='' | kubectl apply --filename -
}
python_reads() {
  succeeds shop python
  has 'object: 1451 orders' kubectl --namespace shop logs python --container report
  has 'row: 2026-11-23 1451' kubectl --namespace shop logs python --container report
}

job_completes() {
  succeeds shop --selector=job-name=nightly-report
  kubectl --namespace shop wait job/nightly-report --for=condition=Complete --timeout 10s
  has '"rows"' kubectl --namespace shop logs job/nightly-report --container first
  has '"rows"' kubectl --namespace shop logs job/nightly-report --container report
}

metrics_are_served_if_asked_for() {
  kubectl --namespace shop rollout status deployment/scraped --timeout 60s
  has 'rolebridge_sidecar_' scrape scraped
  refused 'connection refused' scrape nightly-report
}
scrape() {
  local pod; pod=$(kubectl --namespace shop get pods --selector "app=$1" --output 'jsonpath={.items[0].metadata.name}')
  kubectl get --raw "/api/v1/namespaces/shop/pods/$pod:9102/proxy/metrics"
}

dry_run_shows_it() { has 'name: rolebridge-token' bare; }

prove "pods begin: with Python's google-cloud-storage and google-cloud-bigquery, of a Job, with metrics" others_begin
prove "a Deployment with one annotation: its app (Google's Rust library) reads BigQuery" deployment_reads
prove "the principal that Google saw is the pod's IAM role, and it impersonated the service account" principal_is_the_role
prove "the sidecar is a native one and the first" sidecar_is_native_and_first
prove "a Job completes, and its init container has credentials already" job_completes
prove "a sidecar's metrics can be read if they are asked for, and not else" metrics_are_served_if_asked_for
prove "a server-side dry run of a bare pod shows it injected" dry_run_shows_it
prove "Python's libraries read with it" python_reads
