# Operations on the webhook, alone or while pods are created. Sourced by `run`.
# shellcheck shell=bash

system_kubectl() { kubectl --namespace "$system" "$@"; }
helm_upgrade() { # Helm's options...
  helm upgrade rolebridge "$root/charts/rolebridge" --namespace "$system" --reset-then-reuse-values --wait --timeout "${longest_wait}s" "$@"
}
# The label pod-template-hash excludes a pod of a test that has the webhook's labels.
replica_uids() { system_kubectl get pods --selector app.kubernetes.io/component=webhook,pod-template-hash --output 'jsonpath={.items[*].metadata.uid}'; }

# dry_run_pod [OPTION...]: prints the result of a server-side dry run of a pod that opts in.
dry_run_pod() {
  kubectl --namespace shop run bare --image app --dry-run=server --output yaml --annotations rolebridge.io/inject=true \
    --annotations rolebridge.io/role-arn=arn:aws:iam::123456789012:role/nightly-report "$@"
}

# wait_for_rollout: waits until all replicas are available and the old ones are gone.
wait_for_rollout() {
  system_kubectl rollout status deployment/rolebridge --timeout "${longest_wait}s"
  eventually replica_count_is "$(system_kubectl get deployment rolebridge --output 'jsonpath={.spec.replicas}')"
}
replica_count_is() { assert_equal "$1" "$(replica_uids | wc -w)"; }

# serves_version VERSION: succeeds if every replica has that version, and pods get the sidecar of that version.
serves_version() {
  wait_for_rollout
  assert_equal "$registry/webhook:$1" "$(system_kubectl get pods --selector app.kubernetes.io/component=webhook \
    --output 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | sort -u)"
  output_has "image: $registry/sidecar:$1" dry_run_pod
}

upgrade_and_verify() { helm_upgrade; serves_version "$version"; }

# start_load [--api-restarts]: creates fifty pods a second from now on, as dry runs, which the webhook reviews as it does
# any other pod. Also records the webhook's certificates once a second.
start_load() {
  rm -f "$work"/load*
  {
    local code=0 # also written for a failed load, despite `set -e`
    "$e2e/load.py" "$@" shop "$work/load.stop" > "$work/load" 2>&1 || code=$?
    echo $code > "$work/load.code"
  } &
  { while [ ! -e "$work/load.code" ] && [ -d "$work" ]; do current_certificates; sleep 1; done > "$work/load.certificates"; } &
  eventually grep -q steady "$work/load"
}
current_certificates() {
  system_kubectl get secret rolebridge-managed --output 'jsonpath={.data.ca\.crt} {.data.tls\.crt}{"\n"}' 2> /dev/null || true
}

# stop_load: stops the load after the rollout is complete, and fails if the webhook caused a failed creation.
stop_load() {
  wait_for_rollout
  touch "$work/load.stop"
  eventually test -e "$work/load.code"
  assert_equal 0 "$(cat "$work/load.code")" || { cat "$work/load"; return 1; }
  note "$(load_summary)"
}
load_summary() { grep ' a second' "$work/load" | tail -n 1; }

# during_load COMMAND...: runs COMMAND and waits for the rollout. Fails if the webhook caused a failed creation since the
# previous report.
during_load() {
  "$@"
  wait_for_rollout
  touch "$work/load.stop.part"
  eventually test ! -e "$work/load.stop.part"
  [[ $(load_summary) == *': 0 failed because of the webhook' ]] || { cat "$work/load"; return 1; }
  note "$(load_summary)"
}

# count_rotations FIELD: prints how often the CA (field 1) or the certificate (field 2) has changed during the load.
count_rotations() { echo $(($(cut -d ' ' -f "$1" < "$work/load.certificates" | sort -u | grep -c .) - 1)); }

# with_load OPTION COMMAND...: runs COMMAND under its own load.
with_load() {
  start_load "$1"
  shift
  trap 'touch "$work/load.stop"' EXIT
  "$@"
  stop_load
}

# list_objects: prints the names of all objects that an installation could leave behind: every cluster-scoped object, and
# every object in the webhook's namespace.
list_objects() { { list_cluster_objects; list_namespace_objects; } | sort; }
list_cluster_objects() { # without namespaces, which the checks create and delete
  kubectl get "$(list_resources false | grep -vx namespaces | paste -sd,)" --output name 2> /dev/null | sort
}
list_namespace_objects() {
  kubectl --namespace "$system" get "$(list_resources true | grep -v '^events' | paste -sd,)" --output name 2> /dev/null
}
list_resources() { kubectl api-resources --verbs=list --namespaced="$1" --output name; }

# Apps of the namespace shop, and `rolebridge doctor`.
doctor() { "$programs/rolebridge" doctor --namespace shop "$@"; }
shop_kubectl() { kubectl --namespace shop "$@"; }

# create_app NAME ANNOTATION...: creates a Deployment with these annotations.
create_app() {
  local name=$1 annotation text opt_in='rolebridge.io/inject: "true"' annotations; shift
  annotations=$opt_in
  for annotation in "$@"; do annotations+=$'\n        '"${annotation%%=*}: \"${annotation#*=}\""; done
  text=$(render_object deployment | sed "s/name: nightly-report\$/name: $name/; s/app: nightly-report/app: $name/")
  shop_kubectl apply --filename - <<< "${text/"$opt_in"/"$annotations"}"
}

# doctor_finds APP TEXT...: succeeds if doctor fails for the app's pod and prints each of the texts.
doctor_finds() {
  local name=$1 output text; shift
  if output=$(doctor "$(app_pod "$name")"); then printf 'expected a failed step, found:\n%s\n' "$output"; return 1; fi
  for text in "$@"; do
    grep -qF -- "$text" <<< "$output" || { printf 'expected in the output: %s\nfound:\n%s\n' "$text" "$output"; return 1; }
  done
}

# The Prometheus Operator's custom resource definitions, without the operator.
# prometheus_definitions: prints the files of the Prometheus Operator's custom resource definitions.
prometheus_definitions() {
  local module=github.com/prometheus-operator/prometheus-operator folder
  folder=$(cd "$here/schemas" && go mod download -json $module | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  ls "$folder"/example/prometheus-operator-crd/monitoring.coreos.com_{servicemonitors,podmonitors,prometheusrules}.yaml
}

install_definitions() {
  local file
  for file in $(prometheus_definitions); do kubectl create --filename "$file"; done
  kubectl wait --for condition=Established --timeout "${longest_wait}s" customresourcedefinition --all
}
delete_definitions() {
  local file
  for file in $(prometheus_definitions); do kubectl delete --filename "$file" --timeout "${longest_wait}s"; done
  eventually list_cluster_objects # fails until API discovery no longer lists the kinds
}
