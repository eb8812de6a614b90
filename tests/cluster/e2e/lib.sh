# What the checks are written with. Sourced by `run`.
# shellcheck shell=bash

passed=0 failed=0 table=()
declare -A sides=() # the process of each that goes on aside

# prove SENTENCE COMMAND...: one check. The command is a function whose first failing line ends it. What it printed is
# shown if it failed, and what the cluster looks like then; what it noted, in any case.
prove() {
  local sentence=$1 from=$SECONDS code; shift
  rm -f "$scratch/note"
  set +e
  (set -e; "$@") > "$scratch/output" 2>&1
  code=$?
  set -e
  if [ $code = 0 ]; then
    passed=$((passed + 1)); result=ok
  else
    failed=$((failed + 1)); result=FAILED
  fi
  [ ! -e "$scratch/note" ] || sentence+=": $(cat "$scratch/note")"
  table+=("$(printf '%-6s %4d s  %s' $result $((SECONDS - from)) "$sentence")")
  printf '%s\n' "${table[-1]}"
  if [ $code != 0 ]; then
    sed 's/^/        | /' "$scratch/output"
    picture 2>&1 | sed 's/^/        . /' || true # a pod without a log yet ends nothing
  fi
}

# note TEXT: what was measured or counted, beside the check's sentence.
note() { echo "$1" > "$scratch/note"; }

# aside FUNCTION: its checks, while those go on that they have nothing to do with. `back FUNCTION` waits for them, shows
# and counts them.
aside() {
  mkdir "$work/$1"
  {
    scratch=$work/$1 passed=0 failed=0 table=()
    "$1" > "$scratch/said" 2>&1
    printf '%s\n' "$passed $failed" "${table[@]}" > "$scratch/result"
  } &
  sides[$1]=$!
}
back() {
  local rows=("0 1")
  [ "${sides[$1]-}" ] || return 0
  wait "${sides[$1]}" || echo "$1 ended early"
  unset "sides[$1]"
  printf '\n%s, aside\n' "$1"
  cat "$work/$1/said"
  [ ! -e "$work/$1/result" ] || mapfile -t rows < "$work/$1/result"
  passed=$((passed + ${rows[0]% *})) failed=$((failed + ${rows[0]#* }))
  table+=("${rows[@]:1}")
}

# picture: what a person would look at first. (There is no name server, which the kubelet says again and again.)
picture() {
  echo "pods:"
  kubectl get pods --all-namespaces --output wide
  echo "warnings:"
  kubectl get events --all-namespaces --field-selector type=Warning,reason!=MissingClusterDNS --sort-by .lastTimestamp | tail -8
  echo "webhook:"
  kubectl --namespace "$system" logs --selector app.kubernetes.io/component=webhook --tail 4
}

# eventually SECONDS COMMAND...: until it succeeds; its last output if it never does.
eventually() {
  local end=$((SECONDS + $1)) output; shift
  until output=$("$@" 2>&1); do
    if [ $SECONDS -ge $end ]; then echo "$output"; echo "gave up on: $*"; return 1; fi
    sleep .3
  done
}

# has TEXT COMMAND...: its output has the text in it.
has() {
  local text=$1 output; shift
  output=$("$@" 2>&1) || { echo "$output"; return 1; }
  grep -qF -- "$text" <<< "$output" || { printf 'not in it: %s\n%s\n' "$text" "$output"; return 1; }
}

# lacks TEXT COMMAND...: its output does not have the text in it.
lacks() { local text=$1; shift; [[ $("$@") != *"$text"* ]]; }

# refused TEXT COMMAND...: it fails, and says the text.
refused() {
  local text=$1 output; shift
  if output=$("$@" 2>&1); then printf 'it was not refused: %s\n%s\n' "$*" "$output"; return 1; fi
  grep -qF -- "$text" <<< "$output" || { printf 'refused, but it does not say: %s\n%s\n' "$text" "$output"; return 1; }
}

# succeeds NAMESPACE POD: a pod that ends, well; else what it said.
succeeds() {
  eventually 180 ended "$@"
  equal Succeeded "$(phase "$@")" || { kubectl --namespace "$1" logs "$2" --all-containers --tail 20; return 1; }
}
ended() { case $(phase "$@") in Succeeded | Failed) ;; *) return 1 ;; esac; }
phase() { kubectl --namespace "$1" get pods "$2" --output 'jsonpath={..status.phase}'; }

equal() { # expected, found
  [ "$1" = "$2" ] || { printf 'expected: %s\nfound:    %s\n' "$1" "$2"; return 1; }
}

# object FILE [NAME=VALUE...]: an object from objects/, with what is only known now put in for $NAME.
object() {
  local text; text=$(cat "$e2e/objects/$1.yaml"); shift
  set -- "$@" IMAGES="$registry" VERSION="$version" BIGQUERY="$clouds_bigquery" STORAGE="$clouds_storage" PULL="$pull"
  local pair
  for pair in "$@"; do text=${text//\$${pair%%=*}/${pair#*=}}; done
  echo "$text"
}

# another FILE NAME KEY=VALUE: an object of another name, with one more annotation.
another() {
  object "$1" | sed "s/name: nightly-report\$/name: $2/; s/app: nightly-report/app: $2/
    s|rolebridge.io/inject: \"true\"|&\n        ${3%%=*}: \"${3#*=}\"|"
}

# metric NAME{LABELS}: its sum over the webhook's replicas.
metric() {
  local all; all=$(metrics) || return
  awk -v name="$1" 'index($0, name) == 1 {sum += $NF} END {print sum + 0}' <<< "$all"
}

# metrics: what each replica of the webhook says of itself.
metrics() {
  local pod
  for pod in $(staying); do kubectl get --raw "/api/v1/namespaces/$system/pods/$pod:8080/proxy/metrics" || return; done
}
staying() { # those that are not about to go: one that has gone is waited for until the API server gives up
  kubectl --namespace "$system" get pods --selector app.kubernetes.io/component=webhook \
    --output 'go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}'
}

# events OPERATION: what the fake clouds saw of it, a line of JSON each.
events() { kubectl --namespace clouds logs deployment/clouds --container clouds | grep "\"operation\":\"$1\"" || true; }

# rows POD: what its app has said in the last seconds.
rows() { kubectl --namespace shop logs "$1" --container report --since 3s; }
