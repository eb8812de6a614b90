# run.sh PROGRAM ARGUMENTS: runs a program with a fresh home and working folder, because some programs keep tokens there.
set -eu
HOME=$(mktemp -d)
trap 'rm -rf "$HOME"' EXIT
PYTHONPATH=$(dirname "$0")/lib
export HOME PYTHONPATH PATH="${OUT:+$OUT/bin:}/usr/local/bin:/usr/bin:/bin"
cd "$HOME"
"$@"
