# external-dns.sh OUT: adds a record of a source, and replaces it when the source has changed.
set -eu
exec 3< <("$1/bin/records" "orders.$NAME.shop.example.com")
source=$!
trap 'kill $source' EXIT
read -r address <&3
# More than one may run on a machine, so the port for metrics is any.
dns=("$1/bin/external-dns" --provider=google --google-project="$PROJECT" --source=connector
  --connector-source-server="$address" --domain-filter=shop.example.com --txt-owner-id="$NAME"
  --metrics-address=127.0.0.1:0)
if [ -n "${REPEAT_SECONDS:-}" ]; then
  timeout --preserve-status "$REPEAT_SECONDS" "${dns[@]}" --interval=1s
else
  "${dns[@]}" --once
  "${dns[@]}" --once
fi
