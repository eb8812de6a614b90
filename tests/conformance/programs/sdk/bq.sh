set -eu
bq() { /usr/bin/bq --ca_certificates_file "$CA" --headless "$@"; }
(echo amount; seq 1 1000) > sales.csv
bq mk --dataset "$RUN"
bq load --source_format CSV --skip_leading_rows 1 "$RUN.sales" sales.csv amount:INTEGER
total=$(bq query --nouse_legacy_sql --format csv "SELECT SUM(amount) AS total FROM $RUN.sales" | tail -n 1)
echo "total: $total"
