# `rolebridge check` reports the state of the installation.
# shellcheck shell=bash

# The namespace enforces the restricted Pod Security Standard, which the dry-run pod must satisfy too.
check() { "$programs/rolebridge" check --namespace restricted "$@"; }
restricted_kubectl() { kubectl --namespace restricted "$@"; }
pod_security='"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}'
container_security='"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}'

# check_finds TEXT: succeeds if check reports an error and prints TEXT.
check_finds() { fails_with "$1" check; }

start_restricted_app() {
  render_object deployment | sed "s/^ *serviceAccountName: .*/&\n      securityContext: {$pod_security}/
    s/^ *imagePullPolicy: .*/&\n          securityContext: {$container_security}/" | restricted_kubectl apply --filename -
  restricted_kubectl rollout status deployment/nightly-report --timeout "${longest_wait}s"
}

healthy_installation_has_no_errors() {
  local errors; errors=$(metric_sum rolebridge_webhook_handshake_errors_total)
  output_has ' 0 errors' check
  output_lacks 'Could not be checked' check
  output_has 'a dry run in the namespace restricted was injected' check
  output_has 'One pod opted in, and one is injected' check
  output_has 'serving certificate' check # with a lifetime of a minute, check may warn about its expiry
  assert_equal "$errors" "$(metric_sum rolebridge_webhook_handshake_errors_total)"
}

# Uses exactly the permissions that the documentation lists.
documented_permissions_suffice() {
  sed -n '/^...yaml$/,/^...$/p' "$root/docs/src/check.md" | sed '1d;$d' | kubectl apply --filename -
  restricted_kubectl create serviceaccount checker
  kubectl create clusterrolebinding rolebridge-check --clusterrole rolebridge-check --serviceaccount restricted:checker
  kubectl config view --raw --minify > "$work/checker"
  kubectl --kubeconfig "$work/checker" config set-credentials checker --token "$(restricted_kubectl create token checker)"
  kubectl --kubeconfig "$work/checker" config set-context --current --user checker
  KUBECONFIG=$work/checker output_has ' 0 errors' check
  KUBECONFIG=$work/checker output_lacks 'Could not be checked' check
  kubectl delete clusterrolebinding rolebridge-check
  KUBECONFIG=$work/checker fails_with 'is forbidden: User "system:serviceaccount:restricted:checker"' check
  kubectl delete clusterrole rolebridge-check
}

without_replicas_opted_in_pods_are_denied() {
  system_kubectl scale deployment rolebridge --replicas 0
  eventually no_replicas
  kubectl --namespace shop run plain --image app --dry-run=server
  fails_with 'failed calling webhook "pods.rolebridge.io"' dry_run_pod
  output_has 'deployment.apps/nightly-report' kubectl --namespace shop annotate deployment nightly-report seen=down --overwrite
}
no_replicas() { assert_equal '' "$(replica_uids)"; }

# The webhook is still scaled to 0.
missed_pods_are_named() {
  create_strict_pod later
  check_finds "It is scaled to 0, so pods that opt in are denied"
  set_failure_policy Ignore
  create_strict_pod missed --annotations rolebridge.io/inject=true
  system_kubectl scale deployment rolebridge --replicas 2
  system_kubectl rollout status deployment/rolebridge --timeout "${longest_wait}s"
  set_failure_policy Fail
  restricted_kubectl annotate pod later rolebridge.io/inject=true
  check_finds 'opted in but was not injected: API servers did not call the webhook when it was created'
  check_finds 'opted in but was not injected: it opted in after it was created, and only new pods are injected'
  restricted_kubectl delete pod missed later --now
  eventually output_has ' 0 errors' check
}
create_strict_pod() { # name, options...: its service account has a role; its image does not exist
  restricted_kubectl run "$1" --image app "${@:2}" --overrides '{"spec": {"serviceAccountName": "nightly-report",
    "securityContext": {'"$pod_security"'},
    "containers": [{"name": "'"$1"'", "image": "app", "securityContext": {'"$container_security"'}}]}}'
}
set_failure_policy() {
  kubectl patch mutatingwebhookconfiguration rolebridge --type json \
    --patch '[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "'"$1"'"}]'
}

# The webhook would restore its CA, so its permission to patch is removed first.
wrong_ca_bundle_is_named() {
  create_certificate stranger example.com
  kubectl get clusterrole rolebridge --output yaml > "$work/role"
  grep -v -- '- patch$' "$work/role" | kubectl replace --filename -
  eventually fails_with no kubectl auth can-i patch mutatingwebhookconfigurations/rolebridge \
    --as "system:serviceaccount:$system:rolebridge"
  kubectl patch mutatingwebhookconfiguration rolebridge --type json --patch \
    '[{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": "'"$(base64 --wrap 0 "$work/stranger-ca.crt")"'"}]'
  eventually check_finds 'x509: certificate signed by unknown authority'
  check_finds 'it does not contain the CA of the served certificate'
  grep -v resourceVersion "$work/role" | kubectl replace --filename -
  eventually output_has ' 0 errors' check
}

run_check "an app runs in a namespace with the restricted Pod Security Standard" start_restricted_app
run_check "healthy installation: rolebridge check reports no errors, also of certificates, and exits with 0" healthy_installation_has_no_errors
run_check "with the documented permissions check collects everything; without them it names the missing one" documented_permissions_suffice
run_check "without replicas: opted-in pods are denied, other pods are created, workloads are applied" without_replicas_opted_in_pods_are_denied
run_check "check names pods created without the webhook and pods that opted in later, and how to fix them" missed_pods_are_named
run_check "check names a wrong caBundle, with the served certificates and the API server's error" wrong_ca_bundle_is_named
restricted_kubectl delete deployment/nightly-report serviceaccount/checker > /dev/null
