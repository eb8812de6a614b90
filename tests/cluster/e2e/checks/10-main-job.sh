# The main job: with one annotation, the app uses the pod's IAM role.
# shellcheck shell=bash

deployment_reads_bigquery() {
  render_object deployment | kubectl --namespace shop apply --filename -
  kubectl --namespace shop rollout status deployment/nightly-report --timeout "${longest_wait}s"
  eventually output_has '{"rows":[["2026-11-22","1398"],["2026-11-23","1451"]]}' recent_rows deployment/nightly-report
}

principal_is_the_role() {
  output_has 'assumed-role/nightly-report/shop.nightly-report' cloud_events ExchangeToken
  output_has 'nightly-report@shop-analytics.iam.gserviceaccount.com' cloud_events GenerateAccessToken
}

sidecar_is_native_and_first() {
  assert_equal 'rolebridge Always' "$(kubectl --namespace shop get pods --selector app=nightly-report \
    --output 'jsonpath={.items[0].spec.initContainers[0].name} {.items[0].spec.initContainers[0].restartPolicy}')"
}

# Started before they are checked, because Python starts slowly and the containers of a Job run one after another.
start_other_pods() {
  render_object job | kubectl --namespace shop apply --filename -
  render_variant deployment scraped rolebridge.io/metrics-port=9102 | kubectl --namespace shop apply --filename -
  render_object python-pod NAMESPACE=shop NAME=python INJECT=true ARGUMENT=--all POD_USER='' USER='' | kubectl apply --filename -
}
python_reads_object_and_rows() {
  pod_succeeds shop python
  output_has 'object: 1451 orders' kubectl --namespace shop logs python --container report
  output_has 'row: 2026-11-23 1451' kubectl --namespace shop logs python --container report
}

job_completes() {
  pod_succeeds shop --selector=job-name=nightly-report
  kubectl --namespace shop wait job/nightly-report --for=condition=Complete --timeout "${longest_wait}s"
  output_has '"rows"' kubectl --namespace shop logs job/nightly-report --container first
  output_has '"rows"' kubectl --namespace shop logs job/nightly-report --container report
}

metrics_need_the_annotation() {
  kubectl --namespace shop rollout status deployment/scraped --timeout "${longest_wait}s"
  output_has 'rolebridge_sidecar_' scrape scraped
  fails_with 'connection refused' scrape nightly-report
}
scrape() { # app
  local pod; pod=$(app_pod "$1")
  kubectl get --raw "/api/v1/namespaces/shop/pods/$pod:9102/proxy/metrics"
}

dry_run_is_injected() { output_has 'name: rolebridge-token' dry_run_pod; }

run_check "pods are created: Python's google-cloud-storage and google-cloud-bigquery, a Job, metrics" start_other_pods
run_check "Deployment with one annotation: the app (Google's Rust library) reads BigQuery" deployment_reads_bigquery
run_check "Google authenticates the pod's IAM role, which impersonates the service account" principal_is_the_role
run_check "the sidecar is native and the first init container" sidecar_is_native_and_first
run_check "a Job completes, and its init container has credentials" job_completes
run_check "a sidecar serves metrics only if the annotation enables them" metrics_need_the_annotation
run_check "a server-side dry run of a pod returns the injected pod" dry_run_is_injected
run_check "Python's libraries read an object and a table" python_reads_object_and_rows
