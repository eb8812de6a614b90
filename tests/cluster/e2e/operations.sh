# What is done to the webhook, by itself or while pods are created. Sourced by `run`.
# shellcheck shell=bash

webhooks() { kubectl --namespace "$system" "$@"; }
upgrade() { # options of Helm's
  helm upgrade rolebridge "$root/charts/rolebridge" --namespace "$system" --reset-then-reuse-values --wait --timeout 60s "$@"
}
replicas() { webhooks get pods --selector app.kubernetes.io/component=webhook --output 'jsonpath={.items[*].metadata.uid}'; }

# bare: a server-side dry run of a pod that opts in, as it would be created.
bare() {
  kubectl --namespace shop run bare --image app --dry-run=server --output yaml --annotations rolebridge.io/inject=true \
    --annotations rolebridge.io/role-arn=arn:aws:iam::123456789012:role/nightly-report "$@"
}

# settled: all replicas are there, and those that were to leave are gone.
settled() {
  webhooks rollout status deployment/rolebridge --timeout 60s
  eventually 40 only "$(webhooks get deployment rolebridge --output 'jsonpath={.spec.replicas}')"
}
only() { equal "$1" "$(replicas | wc -w)"; }

# serves VERSION: every replica is of it, and pods get its sidecar.
serves() {
  settled
  equal "$registry/webhook:$1" "$(webhooks get pods --selector app.kubernetes.io/component=webhook \
    --output 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | sort -u)"
  has "image: $registry/sidecar:$1" bare
}

goes_on() { upgrade; serves "$version"; }

# under_load [--api-restarts] COMMAND...: it succeeds, and not one of fifty creations a second fails meanwhile for a
# reason of ours. They are dry runs, which the webhook reviews as any other.
under_load() {
  local options=() load
  if [ "$1" = --api-restarts ]; then options+=("$1"); shift; fi
  "$e2e/load.py" "${options[@]}" shop > "$work/load" 2>&1 &
  load=$!
  trap 'kill '$load EXIT
  eventually 20 grep -q steady "$work/load"
  "$@"
  settled
  trap - EXIT
  kill $load
  wait $load || { cat "$work/load"; return 1; }
  note "$(grep ' a second' "$work/load")"
}

# everything: all that an installation could leave behind, by name: every object that is in no namespace, or in the
# webhook's. (Namespaces come and go by the tests' hands.)
everything() {
  local of_cluster of_namespace
  of_cluster=$(kinds false | grep -vx namespaces)
  of_namespace=$(kinds true | grep -v '^events')
  {
    kubectl get "$(paste -sd, <<< "$of_cluster")" --output name
    kubectl --namespace "$system" get "$(paste -sd, <<< "$of_namespace")" --output name
  } 2> /dev/null | sort
}
kinds() { kubectl api-resources --verbs=list --namespaced="$1" --output name; }
