# How a check is told. Sourced by `run`.
# shellcheck shell=bash
passed=0 failed=0

check() { # what it proves, command...
  local what=$1 output; shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1)); echo "ok      $what"
  else
    failed=$((failed + 1)); printf 'FAILED  %s\n%s\n' "$what" "$output"
  fi
}

refused() { # sentence, command...
  local sentence=$1 output; shift
  if output=$("$@" 2>&1); then echo "it was not refused"; return 1; fi
  grep -qF -- "$sentence" <<< "$output" || { echo "refused, but not with: $sentence"; echo "$output"; return 1; }
}
