# Two releases in one cluster: each serves its own namespaces. The canary has another setting, which its pods show.
# shellcheck shell=bash

canary=rolebridge-canary # namespace of the second release; that of its pods is `lab`, and `office` is the first one's
opt_in=(--annotations rolebridge.io/inject=true)

# dry_run_in NAMESPACE [OPTION...]: prints the result of a dry run of a pod with the role of the app.
dry_run_in() {
  kubectl --namespace "$1" run bare --image app --dry-run=server --output yaml \
    --overrides '{"spec": {"serviceAccountName": "nightly-report"}}' "${@:2}"
}
# served_by RELEASE NAMESPACE [OPTION...]: succeeds if exactly this release injects the pod.
served_by() {
  local pod; pod=$(dry_run_in "${@:2}") || { echo "$pod"; return 1; }
  assert_equal 1 "$(grep -c 'image: .*/sidecar:' <<< "$pod")"
  assert_equal "$1" "$(if grep -q canary-billing <<< "$pod"; then echo canary; else echo main; fi)"
}
served_by_none() {
  local pod; pod=$(dry_run_in "$@") || { echo "$pod"; return 1; }
  ! grep 'name: rolebridge-token' <<< "$pod"
}

releases_serve_their_namespaces() {
  "$e2e/run_docs.py" "$root/docs/src/operations.md" "$work" --only main.yaml --only canary.yaml
  kubectl create namespace $canary
  local namespace
  for namespace in office lab; do
    kubectl create namespace $namespace
    render_object service-account | kubectl --namespace $namespace apply --filename -
  done
  kubectl label namespace lab rolebridge-release=canary rolebridge.io/inject=enabled
  helm_install "$root/charts/rolebridge" --values "$work/main.yaml" --set webhook.drain.delaySeconds=1
  helm_install_as canary $canary "$root/charts/rolebridge" --values "$work/canary.yaml" \
    --set webhook.drain.delaySeconds=1,defaults.settings.quota-project=canary-billing
  served_by main office "${opt_in[@]}"
  served_by canary lab "${opt_in[@]}" # by its annotation
  served_by canary lab # by the label of its namespace
}

check_release() { "$programs/rolebridge" check --release-namespace "$@"; }
check_accepts_both() {
  output_has ' 0 errors' check_release "$system" --namespace office
  output_has ' 0 errors' check_release $canary --namespace lab
  output_has 'Another release selects the namespace' check_release "$system" --namespace lab
  output_has ' 0 errors' "$programs/rolebridge" check --namespace office # of both
}

explain_in() { "$programs/rolebridge" explain pod/opted-in --namespace "$1"; }
explain_and_doctor_find_the_release() {
  local namespace
  for namespace in office lab; do
    kubectl --namespace $namespace run opted-in --image app "${opt_in[@]}" \
      --overrides '{"spec": {"serviceAccountName": "nightly-report", "schedulingGates": [{"name": "example.com/never"}]}}'
  done
  output_has canary-billing explain_in lab
  output_lacks canary-billing explain_in office
  fails_with '✓ injection ' "$programs/rolebridge" doctor opted-in --namespace lab # a later step fails: no node runs it
  fails_with "no webhook configuration of $canary/canary-rolebridge, $system/rolebridge selects it in the namespace kube-system" \
    explain_pod_of_the_system
}
# A pod without Rolebridge in a namespace that both releases exclude.
explain_pod_of_the_system() {
  kubectl --namespace kube-system run excluded --image app "${opt_in[@]}" \
    --overrides '{"spec": {"schedulingGates": [{"name": "example.com/never"}]}}' > /dev/null
  local code=0
  "$programs/rolebridge" explain pod/excluded --namespace kube-system || code=$?
  kubectl --namespace kube-system delete pod excluded --wait=false > /dev/null
  return $code
}

overlap_is_found() {
  helm upgrade canary "$root/charts/rolebridge" --namespace $canary --reset-then-reuse-values \
    --set admission.namespaceSelector.matchLabels=null --wait --timeout "${longest_wait}s"
  fails_with "the release $canary/canary-rolebridge selects the same pods" check_release "$system" --namespace office
  fails_with "the release $system/rolebridge selects the same pods" "$programs/rolebridge" check --namespace office
  helm rollback canary --namespace $canary --wait --timeout "${longest_wait}s"
  output_has ' 0 errors' check_release "$system" --namespace office
}

removing_one_leaves_the_other() {
  helm uninstall canary --namespace $canary --wait --timeout "${longest_wait}s"
  served_by main office "${opt_in[@]}"
  served_by_none lab "${opt_in[@]}"
  kubectl label namespace lab rolebridge-release-
  eventually served_by main lab "${opt_in[@]}"
  fails_with NotFound kubectl get clusterrole canary-rolebridge
  fails_with NotFound kubectl get mutatingwebhookconfiguration canary-rolebridge
  helm uninstall rolebridge --namespace "$system" --wait --timeout "${longest_wait}s"
  kubectl delete namespace $canary office lab --wait=false
}

run_check "two releases serve the namespaces that their selectors select, and one release injects each pod" \
  releases_serve_their_namespaces
run_check "rolebridge check accepts both, and checks the pods of one" check_accepts_both
run_check "explain and doctor use the defaults of the release that selects the pod" explain_and_doctor_find_the_release
run_check "rolebridge check finds selectors that overlap" overlap_is_found
run_check "removing one release leaves the other" removing_one_leaves_the_other
