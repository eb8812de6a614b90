# Who is asked about, and what they are told.
# shellcheck shell=bash

reviews='rolebridge_webhook_reviews_total'

try() { # namespace, name, annotations...: a server-side dry run of a pod
  local namespace=$1 name=$2; shift 2
  local annotation arguments=()
  for annotation in "$@"; do arguments+=(--annotations "$annotation"); done
  kubectl --namespace "$namespace" run "$name" --image app --dry-run=server --output yaml "${arguments[@]}" \
    --overrides '{"spec": {"serviceAccountName": "nightly-report"}}'
}

others_are_not_sent() {
  local before; before=$(metric $reviews)
  {
    try shop no-annotations
    try shop other example.com/inject=true
    try shop no rolebridge.io/inject=false
    try labelled no rolebridge.io/inject=false
  } > "$work/plain"
  if grep 'rolebridge-' "$work/plain"; then return 1; fi
  equal "$before" "$(metric $reviews)"
}

namespaces_opt_in() {
  has 'name: rolebridge-token' try labelled no-annotations
  has 'name: rolebridge-token' try labelled other example.com/inject=false
  has 'Warning: ' kubectl --namespace labelled run no-role --image app --dry-run=server
}

bad_values_are_refused() {
  local value namespace
  for namespace in shop labelled; do
    for value in True yes 1 enabled ''; do
      refused "rolebridge.io/inject: \"$value\" (on the pod) is neither \"true\" nor \"false\"." \
        try $namespace bad "rolebridge.io/inject=$value"
    done
  done
}

apply_warns() {
  local kind
  for kind in deployment job; do
    another $kind typo rolebridge.io/port=99999 > "$work/typo.yaml"
    has 'Warning: ' kubectl --namespace shop apply --filename "$work/typo.yaml" --dry-run=server
    has 'rolebridge.io/port' kubectl --namespace shop apply --filename "$work/typo.yaml"
  done
}

apply_warns_of_what_has_no_effect() {
  kubectl create deployment misplaced --image app --dry-run=client --output yaml |
    kubectl annotate --local --filename - --output yaml rolebridge.io/inject=true > "$work/misplaced.yaml"
  has 'rolebridge.io/inject on the Deployment itself has no effect' \
    kubectl --namespace shop apply --filename "$work/misplaced.yaml" --dry-run=server
  kubectl create --filename - <<'END'
{apiVersion: v1, kind: Namespace, metadata: {name: mislabelled, labels: {rolebridge.io/inject: "true"}}}
END
  eventually 10 has 'rolebridge.io/inject: "true" (the label of the namespace mislabelled) opts nothing in' \
    kubectl --namespace mislabelled create deployment nothing --image app --dry-run=server
  kubectl delete namespace mislabelled --wait=false
}

event_says_why() {
  local kind
  for kind in ReplicaSet Job; do
    eventually 20 has 'rolebridge.io/port: "99999"' kubectl --namespace shop get events \
      --field-selector reason=FailedCreate,involvedObject.kind=$kind --output 'jsonpath={.items[*].message}'
  done
  kubectl --namespace shop get replicasets --output 'jsonpath={.items[?(@.metadata.ownerReferences[0].name=="typo")].metadata.name}' \
    > "$work/replica-set"
  kubectl --namespace shop delete deployment/typo job/typo
}

# Its controller was refused many times, by two replicas; and there was a dry run.
own_event_once() {
  local replica_set; replica_set=$(cat "$work/replica-set")
  eventually 10 has 'rolebridge.io/port: "99999"' kubectl --namespace shop get events \
    --field-selector "reason=RolebridgeRefused,involvedObject.name=$replica_set" --output 'jsonpath={.items[*].message}'
  equal 1 "$(kubectl --namespace shop get events --field-selector "reason=RolebridgeRefused,involvedObject.name=$replica_set" \
    --output name | wc -l)"
  equal '' "$(kubectl --namespace shop get events --field-selector reason=RolebridgeRefused,involvedObject.kind=Pod --output name)"
}

prove "pods that did not opt in are never sent to the webhook: its counter stands still" others_are_not_sent
prove "a namespace opts its pods in, those with no annotations at all too" namespaces_opt_in
prove "each bad value of inject is refused with a sentence" bad_values_are_refused
prove "kubectl apply of a Deployment or a Job with a bad annotation warns with the sentence" apply_warns
prove "and where the opt-in stands on the Deployment itself, or a namespace's label has another value" \
  apply_warns_of_what_has_no_effect
prove "the ReplicaSet's own event carries it, and the Job's" event_says_why
prove "the webhook says an event of its own about it, once" own_event_once
