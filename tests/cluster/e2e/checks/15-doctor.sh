# `rolebridge doctor` finds the failing step of a pod. It runs while the pods of 15-run-as-user start.
# shellcheck shell=bash

create_apps() {
  local kubernetes=projects/987654321098/locations/global/workloadIdentityPools/kubernetes/providers/cluster
  create_app healthy
  create_app untrusted rolebridge.io/role-arn=arn:aws:iam::123456789012:role/missing
  create_app crashing rolebridge.io/role-arn=arn:aws:iam::123456789012:role/missing rolebridge.io/startup-timeout=1
  create_app no-egress rolebridge.io/https-proxy=http://127.0.0.1:9
  create_app no-sidecar rolebridge.io/identity=kubernetes rolebridge.io/provider=$kubernetes
  shop_kubectl create --filename - <<< '{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny-egress"},
    "spec": {"podSelector": {"matchLabels": {"app": "no-egress"}}, "policyTypes": ["Egress"]}}'
  shop_kubectl run late-opt-in --image app --overrides '{"spec": {"serviceAccountName": "nightly-report"}}'
  shop_kubectl annotate pod late-opt-in rolebridge.io/inject=true
}

healthy_pod_passes_every_step() {
  shop_kubectl rollout status deployment/healthy --timeout "${longest_wait}s"
  doctor "$(app_pod healthy)" > "$work/healthy" || { cat "$work/healthy"; return 1; }
  local step
  for step in injection sidecar settings 'published token' 'projected token' 'AWS STS' clock 'AWS role' signature 'Google STS' principal \
    impersonation 'ID token'; do
    output_has "✓ $step " cat "$work/healthy"
  done
  output_has 'workloadIdentityPools/aws-pool/subject/arn:aws:sts::123456789012:assumed-role/nightly-report/shop.nightly-report' \
    cat "$work/healthy"
}

missing_role_is_reported() {
  local issuer; issuer=$(kubectl get --raw /.well-known/openid-configuration | sed 's/.*"issuer":"https:..\([^"]*\)".*/\1/')
  eventually doctor_finds untrusted '✗ AWS role ' 'AccessDenied' 'trust policy of arn:aws:iam::123456789012:role/missing' \
    "\"$issuer:sub\": \"system:serviceaccount:shop:nightly-report\"" 'aws iam update-assume-role-policy --role-name missing'
}

crashing_sidecar_is_reported() {
  eventually doctor_finds crashing 'no token within the startup timeout of 1 s' '✓ cluster issuer ' '--ephemeral'
  fails_with 'Fix: add this statement' doctor "$(app_pod crashing)" --ephemeral
}

network_policy_is_named() {
  eventually doctor_finds no-egress '✗ AWS STS ' 'Connection refused' 'limited by deny-egress' 'rolebridge.io/no-proxy: '
}

ephemeral_container_runs_every_step() {
  shop_kubectl rollout status deployment/no-sidecar --timeout "${longest_wait}s"
  output_has 'the kubelet itself keeps the token' doctor "$(app_pod no-sidecar)"
  doctor "$(app_pod no-sidecar)" --ephemeral > "$work/no-sidecar" || { cat "$work/no-sidecar"; return 1; }
  output_has '✓ Google STS ' cat "$work/no-sidecar"
  output_has '/workloadIdentityPools/kubernetes/subject/system:serviceaccount:shop:nightly-report' cat "$work/no-sidecar"
  output_has '✓ ID token ' cat "$work/no-sidecar"
}

late_opt_in_is_reported() {
  fails_with 'it was created before it or its namespace opted in' doctor late-opt-in
}

# A user with `pods/exec` runs the sidecar's part; a user without it reads the report.
report_file_is_read() {
  shop_kubectl exec "$(app_pod untrusted)" --container rolebridge -- /rolebridge-sidecar doctor --json > "$work/report.jsonl" || true
  fails_with 'trust policy of arn:aws:iam::123456789012:role/missing' doctor --report "$work/report.jsonl"
}

run_check "pods with one error each are created" create_apps
run_check "rolebridge doctor of a healthy pod passes every step, run in its sidecar" healthy_pod_passes_every_step
run_check "missing role: doctor prints the trust policy statement for that pod" missing_role_is_reported
run_check "crashing sidecar: doctor prints its last message, and runs the steps in an ephemeral container" crashing_sidecar_is_reported
run_check "blocked network: doctor names the NetworkPolicy that selects the pod" network_policy_is_named
run_check "pod without a sidecar: an ephemeral container runs every step" ephemeral_container_runs_every_step
run_check "pod that opted in after its creation: doctor reports it" late_opt_in_is_reported
run_check "doctor reads a report that kubectl exec printed" report_file_is_read
shop_kubectl delete deployment/{healthy,untrusted,crashing,no-egress,no-sidecar} pod/late-opt-in networkpolicy/deny-egress --wait=false > /dev/null
