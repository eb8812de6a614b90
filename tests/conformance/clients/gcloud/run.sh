# run.sh PROGRAM ARGUMENTS: runs a program of the SDK with a fresh home, because gcloud keeps for ten minutes that it is not on
# Google's machine, and gsutil keeps tokens.
set -eu
HOME=$(mktemp -d)
trap 'rm -rf "$HOME"' EXIT
export HOME CLOUDSDK_CONFIG="$HOME/gcloud" CLOUDSDK_CORE_DISABLE_PROMPTS=1 CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE="$CA"
export PATH=/usr/bin:/bin CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1 CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1
program=$1
shift
case $program in
  bq) set -- --ca_certificates_file "$CA" --headless "$@" ;;
  gsutil)
    set -- -o "Boto:ca_certificates_file=$CA" "$@"
    export REQUESTS_CA_BUNDLE="$CA"
    # With `metadata` there is no file: gcloud finds the metadata server and passes its account on.
    if [ -n "${GOOGLE_APPLICATION_CREDENTIALS:-}" ]; then
      export CLOUDSDK_CORE_PASS_CREDENTIALS_TO_GSUTIL=false
      set -- -o "Credentials:gs_external_account_file=$GOOGLE_APPLICATION_CREDENTIALS" "$@"
    fi
    ;;
esac
if [ -z "${REPEAT_SECONDS:-}" ]; then
  "$program" "$@"
  exit
fi
# One process that reads a line of its input each second: the object to copy, or the command of bq's shell.
end=$(($(date +%s) + REPEAT_SECONDS))
while [ "$(date +%s)" -lt $end ]; do
  echo "$LINE"
  sleep 1
done | "$program" "$@"
