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

# load_begins [--api-restarts]: from now on, fifty pods a second are created. They are dry runs, which the webhook
# reviews as any other. Meanwhile its certificates are written down as they change.
load_begins() {
  rm -f "$work"/load*
  {
    local code=0 # which is told of a load that failed too, whatever `set -e` says
    "$e2e/load.py" "$@" shop "$work/load.stop" > "$work/load" 2>&1 || code=$?
    echo $code > "$work/load.code"
  } &
  { while [ ! -e "$work/load.code" ] && [ -d "$work" ]; do certificates; sleep 1; done > "$work/load.certificates"; } &
  eventually 20 grep -q steady "$work/load"
}
certificates() {
  webhooks get secret rolebridge-managed --output 'jsonpath={.data.ca\.crt} {.data.tls\.crt}{"\n"}' 2> /dev/null || true
}

# load_ends: when the webhook has settled; and not one creation failed for a reason of ours.
load_ends() {
  settled
  touch "$work/load.stop"
  eventually 60 test -e "$work/load.code"
  equal 0 "$(cat "$work/load.code")" || { cat "$work/load"; return 1; }
  note "$(told)"
}
told() { grep ' a second' "$work/load" | tail -n 1; }

# during_load COMMAND...: it succeeds, the webhook settles, and no creation since the one before it has failed.
during_load() {
  "$@"
  settled
  touch "$work/load.stop.part"
  eventually 20 test ! -e "$work/load.stop.part"
  [[ $(told) == *': 0 failed for a reason of ours' ]] || { cat "$work/load"; return 1; }
  note "$(told)"
}

# rotations FIELD: how many times the load has seen another one: of CA (1), of certificate (2).
rotations() { echo $(($(cut -d ' ' -f "$1" < "$work/load.certificates" | sort -u | grep -c .) - 1)); }

# under_load OPTION COMMAND...: it succeeds, under a load of its own.
under_load() {
  load_begins "$1"
  shift
  trap 'touch "$work/load.stop"' EXIT
  "$@"
  load_ends
}

# everything: all that an installation could leave behind, by name: every object that is in no namespace, or in the
# webhook's.
everything() { { of_cluster; of_namespace; } | sort; }
of_cluster() { # but namespaces, which come and go by the tests' hands
  kubectl get "$(kinds false | grep -vx namespaces | paste -sd,)" --output name 2> /dev/null | sort
}
of_namespace() { kubectl --namespace "$system" get "$(kinds true | grep -v '^events' | paste -sd,)" --output name 2> /dev/null; }
kinds() { kubectl api-resources --verbs=list --namespaced="$1" --output name; }
