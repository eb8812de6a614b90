# The command line looks at the installation.
# shellcheck shell=bash

# In the namespace that enforces the restricted Pod Security Standard, which the trial pod must satisfy too.
check() { "$programs/rolebridge" check --namespace restricted "$@"; }
restricted() { kubectl --namespace restricted "$@"; }
of_pod='"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}'
of_container='"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}'

# says TEXT: an error is found, and its sentence has the text.
says() { refused "$1" check; }

an_app_runs() {
  object deployment | sed "s/^ *serviceAccountName: .*/&\n      securityContext: {$of_pod}/
    s/^ *imagePullPolicy: .*/&\n          securityContext: {$of_container}/" | restricted apply --filename -
  restricted rollout status deployment/nightly-report --timeout 60s
}

all_is_well() {
  local failed; failed=$(metric rolebridge_webhook_handshake_faults_total)
  has ' 0 errors' check
  lacks 'Could not be looked at' check
  has 'a trial pod in the namespace restricted (a dry run) was injected' check
  has 'One pod opted in, and one is injected' check
  has 'It serves a certificate' check # one of a minute's life may end soon
  equal "$failed" "$(metric rolebridge_webhook_handshake_faults_total)"
}

# With the rights that the book asks for, and no others.
rights_of_the_book() {
  sed -n '/^...yaml$/,/^...$/p' "$root/docs/src/check.md" | sed '1d;$d' | kubectl apply --filename -
  restricted create serviceaccount looker
  kubectl create clusterrolebinding rolebridge-check --clusterrole rolebridge-check --serviceaccount restricted:looker
  kubectl config view --raw --minify > "$work/looker"
  kubectl --kubeconfig "$work/looker" config set-credentials looker --token "$(restricted create token looker)"
  kubectl --kubeconfig "$work/looker" config set-context --current --user looker
  KUBECONFIG=$work/looker has ' 0 errors' check
  KUBECONFIG=$work/looker lacks 'Could not be looked at' check
  kubectl delete clusterrolebinding rolebridge-check
  KUBECONFIG=$work/looker refused 'is forbidden: User "system:serviceaccount:restricted:looker"' check
  kubectl delete clusterrole rolebridge-check
}

all_replicas_go() {
  webhooks scale deployment rolebridge --replicas 0
  eventually 60 gone
  kubectl --namespace shop run plain --image app --dry-run=server
  refused 'failed calling webhook "pods.rolebridge.io"' bare
  has 'deployment.apps/nightly-report' kubectl --namespace shop annotate deployment nightly-report seen=down --overwrite
}
gone() { equal '' "$(replicas)"; }

# They are away still.
missed_are_named() {
  strict_pod later
  says "It is scaled to 0, so pods that opt in are refused"
  policy Ignore
  strict_pod missed --annotations rolebridge.io/inject=true
  webhooks scale deployment rolebridge --replicas 2
  webhooks rollout status deployment/rolebridge --timeout 60s
  policy Fail
  restricted annotate pod later rolebridge.io/inject=true
  says 'opted in and was not injected: API servers did not ask the webhook when it was made'
  says 'opted in and was not injected: it opted in after it was made, and only a new pod is injected'
  restricted delete pod missed later --now
  eventually 20 has ' 0 errors' check
}
strict_pod() { # name, options; it has a role, and an image that nobody has
  restricted run "$1" --image app "${@:2}" --overrides '{"spec": {"serviceAccountName": "nightly-report",
    "securityContext": {'"$of_pod"'},
    "containers": [{"name": "'"$1"'", "image": "app", "securityContext": {'"$of_container"'}}]}}'
}
policy() {
  kubectl patch mutatingwebhookconfiguration rolebridge --type json \
    --patch '[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "'"$1"'"}]'
}

# The webhook would put its CA back, so the right to is taken away before.
spoilt_bundle_is_named() {
  a_certificate stranger example.com
  kubectl get clusterrole rolebridge --output yaml > "$work/role"
  grep -v -- '- patch$' "$work/role" | kubectl replace --filename -
  eventually 20 refused no kubectl auth can-i patch mutatingwebhookconfigurations/rolebridge \
    --as "system:serviceaccount:$system:rolebridge"
  kubectl patch mutatingwebhookconfiguration rolebridge --type json --patch \
    '[{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": "'"$(base64 --wrap 0 "$work/stranger-ca.crt")"'"}]'
  eventually 20 says 'x509: certificate signed by unknown authority'
  says 'does not fit, the CA of the served certificate is not in it'
  grep -v resourceVersion "$work/role" | kubectl replace --filename -
  eventually 60 has ' 0 errors' check
}

prove "an app runs where the restricted Pod Security Standard is enforced" an_app_runs
prove "all is well: rolebridge check says so, of the certificates too, and ends with 0" all_is_well
prove "with the rights that the book names it sees all, without them it says which is lacking" rights_of_the_book
prove "with every replica down opted-in pods are refused, others are created, workloads are applied" all_replicas_go
prove "a pod made with the webhook away and one that opted in afterwards are named, and how to mend them" missed_are_named
prove "a caBundle that somebody spoilt is named, with what replicas serve and what the API server says" spoilt_bundle_is_named
restricted delete deployment/nightly-report serviceaccount/looker > /dev/null
