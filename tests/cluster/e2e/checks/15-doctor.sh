# The command line finds where a pod's way to Google ends. It takes its time while the pods of 15-users begin.
# shellcheck shell=bash

doctor() { "$programs/rolebridge" doctor --namespace shop "$@"; }
treated() { kubectl --namespace shop "$@"; }
pod() { treated get pods --selector "app=$1" --output 'jsonpath={.items[0].metadata.name}'; }

# patient NAME ANNOTATION...: a Deployment with these annotations.
patient() {
  local name=$1 annotation text opted='rolebridge.io/inject: "true"' more; shift
  more=$opted
  for annotation in "$@"; do more+=$'\n        '"${annotation%%=*}: \"${annotation#*=}\""; done
  text=$(object deployment | sed "s/name: nightly-report\$/name: $name/; s/app: nightly-report/app: $name/")
  treated apply --filename - <<< "${text/"$opted"/"$more"}"
}

patients_begin() {
  local kubernetes=projects/987654321098/locations/global/workloadIdentityPools/kubernetes/providers/cluster
  patient well
  patient untrusted rolebridge.io/role-arn=arn:aws:iam::123456789012:role/nobody
  patient crashing rolebridge.io/role-arn=arn:aws:iam::123456789012:role/nobody rolebridge.io/startup-timeout=1
  patient shut-in rolebridge.io/https-proxy=http://127.0.0.1:9
  patient without rolebridge.io/identity=kubernetes rolebridge.io/provider=$kubernetes
  treated create --filename - <<< '{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "nothing-out"},
    "spec": {"podSelector": {"matchLabels": {"app": "shut-in"}}, "policyTypes": ["Egress"]}}'
  treated run before --image app --overrides '{"spec": {"serviceAccountName": "nightly-report"}}'
  treated annotate pod before rolebridge.io/inject=true
}

# finds POD TEXT...: it fails, and its words have each of the texts.
finds() {
  local name=$1 output text; shift
  if output=$(doctor "$(pod "$name")"); then printf 'nothing failed:\n%s\n' "$output"; return 1; fi
  for text in "$@"; do
    grep -qF -- "$text" <<< "$output" || { printf 'not in it: %s\n%s\n' "$text" "$output"; return 1; }
  done
}

a_pod_that_is_well() {
  treated rollout status deployment/well --timeout 60s
  doctor "$(pod well)" > "$work/well" || { cat "$work/well"; return 1; }
  local hop
  for hop in injection sidecar settings 'published token' 'projected token' 'AWS STS' clock 'AWS role' signature 'Google STS' principal \
    impersonation 'ID token'; do
    has "✓ $hop " cat "$work/well"
  done
  has 'workloadIdentityPools/aws/subject/arn:aws:sts::123456789012:assumed-role/nightly-report/shop.nightly-report' cat "$work/well"
}

a_role_that_is_not_there() {
  local issuer; issuer=$(kubectl get --raw /.well-known/openid-configuration | sed 's/.*"issuer":"https:..\([^"]*\)".*/\1/')
  eventually 30 finds untrusted '✗ AWS role ' 'AccessDenied' 'trust policy of arn:aws:iam::123456789012:role/nobody' \
    "\"$issuer:sub\": \"system:serviceaccount:shop:nightly-report\"" 'aws iam update-assume-role-policy --role-name nobody'
}

a_sidecar_that_crashes() {
  eventually 30 finds crashing 'no token within the 1 s of the startup timeout' '✓ cluster issuer ' '--ephemeral'
  refused 'To mend it: add this statement' doctor "$(pod crashing)" --ephemeral
}

a_network_that_is_shut() {
  eventually 30 finds shut-in '✗ AWS STS ' 'Connection refused' 'limited by nothing-out' 'rolebridge.io/no-proxy: '
}

no_sidecar() {
  treated rollout status deployment/without --timeout 60s
  has 'the kubelet itself keeps the token' doctor "$(pod without)"
  doctor "$(pod without)" --ephemeral > "$work/without" || { cat "$work/without"; return 1; }
  has '✓ Google STS ' cat "$work/without"
  has '/workloadIdentityPools/kubernetes/subject/system:serviceaccount:shop:nightly-report' cat "$work/without"
  has '✓ ID token ' cat "$work/without"
}

a_pod_that_opted_in_afterwards() {
  refused 'it was made before it or its namespace opted in' doctor before
}

# What somebody may run who has the permission, for somebody who has not.
a_report_that_was_sent() {
  treated exec "$(pod untrusted)" --container rolebridge -- /rolebridge-sidecar doctor --json > "$work/report.jsonl" || true
  refused 'trust policy of arn:aws:iam::123456789012:role/nobody' doctor --report "$work/report.jsonl"
}

prove "pods, each with one thing that is not right" patients_begin
prove "rolebridge doctor has every hop of a pod that is well tried by its sidecar" a_pod_that_is_well
prove "a role that is not there: the statement for that very pod" a_role_that_is_not_there
prove "a sidecar that crashes: its last words, and the hops in an ephemeral container" a_sidecar_that_crashes
prove "a network that is shut: the policy that selects the pod is named" a_network_that_is_shut
prove "where no sidecar runs, an ephemeral container tries every hop" no_sidecar
prove "a pod that opted in afterwards is told so" a_pod_that_opted_in_afterwards
prove "what kubectl exec printed is read too" a_report_that_was_sent
treated delete deployment/{well,untrusted,crashing,shut-in,without} pod/before networkpolicy/nothing-out --wait=false > /dev/null
