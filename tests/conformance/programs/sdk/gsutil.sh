set -eu
gsutil() {
  # With `metadata` there is no file: gcloud finds the metadata server and passes its account on.
  if [ -n "${GOOGLE_APPLICATION_CREDENTIALS:-}" ]; then
    export CLOUDSDK_CORE_PASS_CREDENTIALS_TO_GSUTIL=false
    set -- -o "Credentials:gs_external_account_file=$GOOGLE_APPLICATION_CREDENTIALS" "$@"
  fi
  /usr/bin/gsutil -o "Boto:ca_certificates_file=$CA" "$@"
}
seq 1 1000 > sales.csv
gsutil cp sales.csv "gs://$BUCKET/$RUN/sales.csv"
gsutil cp "gs://$BUCKET/$RUN/sales.csv" copy.csv
cmp sales.csv copy.csv && echo same content
