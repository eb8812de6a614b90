set -eu
seq 1 1000 > sales.csv
gcloud storage cp sales.csv "gs://$BUCKET/$RUN/sales.csv"
gcloud storage cp "gs://$BUCKET/$RUN/sales.csv" copy.csv
cmp sales.csv copy.csv && echo same content
