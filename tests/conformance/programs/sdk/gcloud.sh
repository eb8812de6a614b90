set -eu
seq 1 1000 > sales.csv
if [ -n "${REPEAT_SECONDS:-}" ]; then
  # One process, which reads the path of a file to upload each second.
  for number in $(seq "$REPEAT_SECONDS"); do
    cp sales.csv "sales$number.csv"
    echo "sales$number.csv"
    sleep 1
  done | gcloud storage cp --read-paths-from-stdin "gs://$BUCKET/$RUN/"
  exit
fi
gcloud storage cp sales.csv "gs://$BUCKET/$RUN/sales.csv"
gcloud storage cp "gs://$BUCKET/$RUN/sales.csv" copy.csv
cmp sales.csv copy.csv && echo same content
