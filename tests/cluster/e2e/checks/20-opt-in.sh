# Which pods and workloads are sent to the webhook, and the messages that their users read.
# shellcheck shell=bash

reviews='rolebridge_webhook_reviews_total'

try() { # namespace, name, annotations...: prints the result of a server-side dry run of a pod
  local namespace=$1 name=$2; shift 2
  local annotation arguments=()
  for annotation in "$@"; do arguments+=(--annotations "$annotation"); done
  kubectl --namespace "$namespace" run "$name" --image app --dry-run=server --output yaml "${arguments[@]}" \
    --overrides '{"spec": {"serviceAccountName": "nightly-report"}}'
}

other_pods_are_not_reviewed() {
  local before; before=$(metric_sum $reviews)
  {
    try shop no-annotations
    try shop other example.com/inject=true
    try shop no rolebridge.io/inject=false
    try labelled no rolebridge.io/inject=false
  } > "$work/plain"
  if grep 'rolebridge-' "$work/plain"; then return 1; fi
  assert_equal "$before" "$(metric_sum $reviews)"
}

namespace_label_opts_in() {
  output_has 'name: rolebridge-token' try labelled no-annotations
  output_has 'name: rolebridge-token' try labelled other example.com/inject=false
  output_has 'Warning: ' kubectl --namespace labelled run no-role --image app --dry-run=server
}

invalid_values_are_denied() {
  local value namespace
  for namespace in shop labelled; do
    for value in True yes 1 enabled ''; do
      fails_with "rolebridge.io/inject on the pod: expected \"true\" or \"false\", found \"$value\"." \
        try $namespace bad "rolebridge.io/inject=$value"
    done
  done
}

apply_warns_about_invalid_annotation() {
  local kind
  for kind in deployment job; do
    render_variant $kind typo rolebridge.io/port=99999 > "$work/typo.yaml"
    output_has 'Warning: ' kubectl --namespace shop apply --filename "$work/typo.yaml" --dry-run=server
    output_has 'rolebridge.io/port' kubectl --namespace shop apply --filename "$work/typo.yaml"
  done
}

apply_warns_about_ineffective_opt_in() {
  kubectl create deployment misplaced --image app --dry-run=client --output yaml |
    kubectl annotate --local --filename - --output yaml rolebridge.io/inject=true > "$work/misplaced.yaml"
  output_has 'rolebridge.io/inject on the Deployment has no effect' \
    kubectl --namespace shop apply --filename "$work/misplaced.yaml" --dry-run=server
  kubectl create --filename - <<'END'
{apiVersion: v1, kind: Namespace, metadata: {name: mislabelled, labels: {rolebridge.io/inject: "true"}}}
END
  eventually output_has 'Label rolebridge.io/inject on the namespace mislabelled: expected "enabled" to opt its pods in, found "true"' \
    kubectl --namespace mislabelled create deployment nothing --image app --dry-run=server
  kubectl delete namespace mislabelled --wait=false
}

# A custom resource of a kind that additionalRules of values.yaml lists. The chart's other entries never match it.
apply_warns_about_listed_kinds() {
  kubectl create --filename - <<'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: rollouts.argoproj.io }
spec:
  group: argoproj.io
  names: { kind: Rollout, plural: rollouts, singular: rollout }
  scope: Namespaced
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
END
  kubectl wait crd/rollouts.argoproj.io --for condition=Established --timeout "${longest_wait}s"
  eventually output_has 'The pods of this Rollout will be denied: rolebridge.io/inject on the pod' apply_rollout rolebridge.io/inject yes
  output_has 'rolebridge.io/injct on the pod: unknown annotation' apply_rollout rolebridge.io/injct true
  output_has 'rollout.argoproj.io/batch created' apply_rollout example.com/inject true
  output_lacks 'Warning: ' apply_rollout example.com/inject true
  fails_with 'not found' kubectl --namespace shop get rollout batch
  kubectl delete crd rollouts.argoproj.io --wait=false
}
apply_rollout() { # annotation, value
  kubectl --namespace shop apply --dry-run=server --filename - 2>&1 <<END
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: { name: batch }
spec:
  template:
    metadata: { annotations: { $1: "$2" } }
    spec: { serviceAccountName: nightly-report, containers: [{ name: app, image: app }] }
END
}

controller_event_has_the_message() {
  local kind
  for kind in ReplicaSet Job; do
    eventually output_has 'found "99999"' kubectl --namespace shop get events \
      --field-selector reason=FailedCreate,involvedObject.kind=$kind --output 'jsonpath={.items[*].message}'
  done
  kubectl --namespace shop get replicasets --output 'jsonpath={.items[?(@.metadata.ownerReferences[0].name=="typo")].metadata.name}' \
    > "$work/replica-set"
  kubectl --namespace shop delete deployment/typo job/typo
}

# Two replicas denied the pods of the ReplicaSet many times, and a pod was denied in a dry run.
webhook_event_is_emitted_once() {
  local replica_set; replica_set=$(cat "$work/replica-set")
  eventually output_has 'found "99999"' kubectl --namespace shop get events \
    --field-selector "reason=InjectionDenied,involvedObject.name=$replica_set" --output 'jsonpath={.items[*].message}'
  assert_equal 1 "$(kubectl --namespace shop get events --field-selector "reason=InjectionDenied,involvedObject.name=$replica_set" \
    --output name | wc -l)"
  assert_equal '' "$(kubectl --namespace shop get events --field-selector reason=InjectionDenied,involvedObject.kind=Pod --output name)"
}

run_check "pods that did not opt in are never sent to the webhook: its counter does not change" other_pods_are_not_reviewed
run_check "a namespace label opts in its pods, also those without annotations" namespace_label_opts_in
run_check "each invalid value of inject is denied with a message" invalid_values_are_denied
run_check "kubectl apply of a Deployment or a Job with an invalid annotation prints a warning" apply_warns_about_invalid_annotation
run_check "kubectl apply warns about an opt-in on the Deployment itself, and about another value of the namespace's label" \
  apply_warns_about_ineffective_opt_in
run_check "kubectl apply of a listed custom resource warns about the pod template in it" apply_warns_about_listed_kinds
run_check "the events of the ReplicaSet and of the Job contain the message" controller_event_has_the_message
run_check "the webhook emits one event for the denied pods of a ReplicaSet" webhook_event_is_emitted_once
