set -eu
server=http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default
answer=$(curl --fail --silent --show-error --header "Metadata-Flavor: Google" "$server/token" 2>&1) || { echo "$answer"; exit 1; }
token=$(echo "$answer" | sed -E 's/.*"access_token" *: *"([^"]+)".*/\1/')
curl() { command curl --fail --silent --show-error --cacert "$CURL_CA_BUNDLE" --header "Authorization: Bearer $token" "$@"; }
seq 1 1000 > sales.csv
curl --data-binary @sales.csv "https://storage.googleapis.com/upload/storage/v1/b/$BUCKET/o?uploadType=media&name=$RUN" > /dev/null
curl "https://storage.googleapis.com/storage/v1/b/$BUCKET/o/$RUN?alt=media" | cmp - sales.csv && echo same content
