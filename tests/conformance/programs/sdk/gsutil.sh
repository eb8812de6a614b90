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
if [ -n "${REPEAT_SECONDS:-}" ]; then
  # One process, which reads the path of a file to upload each second. It starts slowly.
  for number in $(seq $((REPEAT_SECONDS + 30))); do
    cp sales.csv "sales$number.csv"
    echo "sales$number.csv"
    sleep 1
  done | gsutil -o GSUtil:parallel_process_count=1 cp -I "gs://$BUCKET/$RUN/" 2>&1
  exit
fi
gsutil cp sales.csv "gs://$BUCKET/$RUN/sales.csv"
gsutil cp "gs://$BUCKET/$RUN/sales.csv" copy.csv
cmp sales.csv copy.csv && echo same content
