# Who is asked about, and what they are told.
# shellcheck shell=bash

reviews='rolebridge_webhook_reviews_total'

try() { # name, annotations...: a server-side dry run of a pod
  local name=$1; shift
  local annotation arguments=()
  for annotation in "$@"; do arguments+=(--annotations "$annotation"); done
  kubectl --namespace shop run "$name" --image app --dry-run=server --output yaml "${arguments[@]}"
}

others_are_not_sent() {
  local before; before=$(metric $reviews)
  try plain > "$work/plain"
  try other example.com/inject=true > /dev/null
  try no rolebridge.io/inject=false > /dev/null
  if grep rolebridge "$work/plain"; then return 1; fi
  equal "$before" "$(metric $reviews)"
}

bad_values_are_refused() {
  local value
  for value in True yes 1 enabled ''; do
    refused "rolebridge.io/inject: \"$value\" (on the pod) is neither \"true\" nor \"false\"." try bad "rolebridge.io/inject=$value"
  done
}

apply_warns() {
  object deployment | sed 's/name: nightly-report$/name: typo/; s/app: nightly-report/app: typo/
    s|rolebridge.io/inject: "true"|&\n        rolebridge.io/port: "99999"|' > "$work/typo.yaml"
  has 'Warning: ' kubectl --namespace shop apply --filename "$work/typo.yaml" --dry-run=server
  has 'rolebridge.io/port' kubectl --namespace shop apply --filename "$work/typo.yaml"
}

event_says_why() {
  eventually 20 has 'rolebridge.io/port: "99999"' kubectl --namespace shop get events \
    --field-selector reason=FailedCreate,involvedObject.kind=ReplicaSet --output 'jsonpath={.items[*].message}'
  kubectl --namespace shop delete deployment typo
}

prove "pods that did not opt in are never sent to the webhook: its counter stands still" others_are_not_sent
prove "each bad value of inject is refused with a sentence" bad_values_are_refused
prove "kubectl apply of a Deployment with a bad annotation warns with the sentence" apply_warns
prove "the ReplicaSet's own event carries it" event_says_why
