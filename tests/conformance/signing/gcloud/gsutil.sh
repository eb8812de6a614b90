# gsutil.sh SCRIPT: runs a script in which gsutil trusts the fakes' CA, and has the pod's file of credentials if there is one.
set -eu
run=$(dirname "$0")/../../clients/gcloud/run.sh
gsutil() { /bin/sh "$run" gsutil "$@"; }
# shellcheck source=/dev/null
. "$1"
