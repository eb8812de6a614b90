# Helper functions of the checks. Sourced by `run`.
# shellcheck shell=bash

# Seconds until a condition that still does not hold is a failure. Machines differ in speed and no check is about time, so it is
# several times what the slowest one needs.
longest_wait=300

passed=0 failed=0 table=()
declare -A background=() # process ID of each function that runs in the background

# run_check TITLE COMMAND...: runs one check. COMMAND is a function; its first failing line ends the check. If the check
# fails, its output and the state of the cluster are printed. The text of `note` is printed in any case.
run_check() {
  local title=$1 start=$SECONDS code; shift
  rm -f "$scratch/note"
  set +e
  # Some commands fail without a word, so the last one is printed.
  (set -e; trap 'echo "status $?: $BASH_COMMAND"' EXIT; "$@") > "$scratch/output" 2>&1
  code=$?
  set -e
  if [ $code = 0 ]; then
    passed=$((passed + 1)); result=ok
  else
    failed=$((failed + 1)); result=FAILED
  fi
  [ ! -e "$scratch/note" ] || title+=": $(cat "$scratch/note")"
  table+=("$(printf '%-6s %4d s  %s' $result $((SECONDS - start)) "$title")")
  printf '%s\n' "${table[-1]}"
  if [ $code != 0 ]; then
    sed 's/^/        | /' "$scratch/output"
    dump_state 2>&1 | sed 's/^/        . /' || true # kubectl fails for a pod without logs
  fi
}

# note TEXT: appends a measured or counted value to the title of the check.
note() { echo "$1" > "$scratch/note"; }

# start_in_background FUNCTION: runs the checks of FUNCTION while other checks run. `join_background FUNCTION` waits for
# them, and adds their results to the table.
start_in_background() {
  mkdir "$work/$1"
  {
    scratch=$work/$1 passed=0 failed=0 table=()
    "$1" > "$scratch/log" 2>&1
    printf '%s\n' "$passed $failed" "${table[@]}" > "$scratch/result"
  } &
  background[$1]=$!
}
join_background() {
  local rows=("0 1")
  [ "${background[$1]-}" ] || return 0
  wait "${background[$1]}" || echo "$1 exited early"
  unset "background[$1]"
  printf '\n%s, in the background\n' "$1"
  cat "$work/$1/log"
  [ ! -e "$work/$1/result" ] || mapfile -t rows < "$work/$1/result"
  passed=$((passed + ${rows[0]% *})) failed=$((failed + ${rows[0]#* }))
  table+=("${rows[@]:1}")
}

# dump_state: prints pods, warnings and the webhook's log. (The cluster has no DNS server, so the kubelet's warnings about
# it are left out.)
dump_state() {
  echo "pods:"
  kubectl get pods --all-namespaces --output wide
  echo "warnings:"
  kubectl get events --all-namespaces --field-selector type=Warning,reason!=MissingClusterDNS --sort-by .lastTimestamp | tail -8
  echo "webhook:"
  kubectl --namespace "$system" logs --selector app.kubernetes.io/component=webhook --tail 4
}

# eventually COMMAND...: retries COMMAND until it succeeds. After the longest wait, prints its last output and fails.
eventually() {
  local deadline=$((SECONDS + longest_wait)) output
  until output=$("$@" 2>&1); do
    if [ $SECONDS -ge $deadline ]; then echo "$output"; echo "timed out: $*"; return 1; fi
    sleep .3
  done
}

# output_has TEXT COMMAND...: succeeds if COMMAND succeeds and prints TEXT.
output_has() {
  local text=$1 output; shift
  output=$("$@" 2>&1) || { echo "$output"; return 1; }
  grep -qF -- "$text" <<< "$output" || { printf 'expected in the output: %s\nfound:\n%s\n' "$text" "$output"; return 1; }
}

# output_lacks TEXT COMMAND...: succeeds if COMMAND does not print TEXT.
output_lacks() { local text=$1; shift; [[ $("$@") != *"$text"* ]]; }

# fails_with TEXT COMMAND...: succeeds if COMMAND fails and prints TEXT.
fails_with() {
  local text=$1 output; shift
  if output=$("$@" 2>&1); then printf 'expected a failure of: %s\nfound:\n%s\n' "$*" "$output"; return 1; fi
  grep -qF -- "$text" <<< "$output" || { printf 'expected in the error: %s\nfound:\n%s\n' "$text" "$output"; return 1; }
}

# pod_succeeds NAMESPACE POD: waits until the pod has succeeded. If it failed, prints its logs.
pod_succeeds() {
  eventually pod_finished "$@"
  assert_equal Succeeded "$(pod_phase "$@")" || { kubectl --namespace "$1" logs "$2" --all-containers --tail 20; return 1; }
}
pod_finished() { case $(pod_phase "$@") in Succeeded | Failed) ;; *) return 1 ;; esac; }
pod_phase() { kubectl --namespace "$1" get pods "$2" --output 'jsonpath={..status.phase}'; }

assert_equal() { # expected, found
  [ "$1" = "$2" ] || { printf 'expected: %s\nfound:    %s\n' "$1" "$2"; return 1; }
}

# read_clouds_address: prints the address of the fakes' Service.
read_clouds_address() { kubectl --namespace clouds get service clouds --output 'jsonpath={.spec.clusterIP}'; }

# url_host ADDRESS: prints an address as URLs write it.
url_host() { case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac; }

# render_object FILE [NAME=VALUE...]: prints an object from objects/, with the variables of this run and the given ones
# replaced.
render_object() {
  local text; text=$(cat "$e2e/objects/$1.yaml"); shift
  set -- "$@" IMAGES="$registry" VERSION="$version" BIGQUERY="$clouds_bigquery" STORAGE="$clouds_storage" PULL="$pull" \
    MUTATING_POLICIES="$mutating_policies"
  local pair
  for pair in "$@"; do text=${text//\$${pair%%=*}/${pair#*=}}; done
  echo "$text"
}

# render_variant FILE NAME KEY=VALUE: prints an object with another name and one more annotation.
render_variant() {
  render_object "$1" | sed "s/name: nightly-report\$/name: $2/; s/app: nightly-report/app: $2/
    s|rolebridge.io/inject: \"true\"|&\n        ${3%%=*}: \"${3#*=}\"|"
}

# metric_sum NAME{LABELS}: prints the sum of a metric over the webhook's replicas.
metric_sum() {
  local metrics; metrics=$(webhook_metrics) || return
  awk -v name="$1" 'index($0, name) == 1 {sum += $NF} END {print sum + 0}' <<< "$metrics"
}

# webhook_metrics: prints the metrics of every replica of the webhook.
webhook_metrics() {
  local pod
  for pod in $(webhook_pods); do kubectl get --raw "/api/v1/namespaces/$system/pods/$pod:8080/proxy/metrics" || return; done
}
webhook_pods() { live_pods "$system" app.kubernetes.io/component=webhook; }
webhook_pod() { webhook_pods | sed -n 1p; } # prints the name of one

# app_pod NAME: prints the name of the pod of the app.
app_pod() { live_pods shop "app=$1" | sed -n 1p; }

# live_pods NAMESPACE SELECTOR: prints the names of pods that are not terminating. Those of an earlier check may still be, and a
# request to a pod that is gone blocks until the API server's timeout.
live_pods() {
  kubectl --namespace "$1" get pods --selector "$2" \
    --output 'go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}'
}

# cloud_events OPERATION: prints the calls of an operation that the fake clouds received, one line of JSON each.
cloud_events() { kubectl --namespace clouds logs deployment/clouds --container clouds | grep "\"operation\":\"$1\"" || true; }

# recent_rows POD: prints the output of the app in the last seconds.
recent_rows() { kubectl --namespace shop logs "$1" --container report --since 3s; }
