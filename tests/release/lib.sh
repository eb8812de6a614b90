# Helper functions of the checks. Sourced by `run`.
# shellcheck shell=bash
passed=0 failed=0

check() { # title, command...
  local title=$1 output; shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1)); echo "ok      $title"
  else
    failed=$((failed + 1)); printf 'FAILED  %s\n%s\n' "$title" "$output"
  fi
}

fails_with() { # message, command...
  local message=$1 output; shift
  if output=$("$@" 2>&1); then echo "expected a failure"; return 1; fi
  grep -qF -- "$message" <<< "$output" || { printf 'expected in the error: %s\nfound:\n%s\n' "$message" "$output"; return 1; }
}
