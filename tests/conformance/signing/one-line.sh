# one-line.sh PROGRAM ARGUMENTS: runs a program, and writes its error message as one line, because some have a response's JSON.
set -eu
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
"$@" 2> "$errors" || { tr -s ' \n' ' ' < "$errors" >&2; exit 1; }
