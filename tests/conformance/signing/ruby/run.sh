# run.sh ROOT PROGRAM: runs a Ruby program in Debian's folder, with its error as one line.
set -eu
here=$(dirname "$0")
program=$(mktemp)
cat "$here/one-line.rb" "$2" > "$program"
exec /bin/sh "$here/../../clients/ruby/run.sh" "$1" "$program"
