set -eu
server=http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default
fetch() { curl --fail --silent --show-error --cacert "$CURL_CA_BUNDLE" --header "Authorization: Bearer $token" "$@"; }
seq 1 1000 > sales.csv
end=$(($(date +%s) + ${REPEAT_SECONDS:-0}))
while true; do
  answer=$(curl --fail --silent --show-error --header "Metadata-Flavor: Google" "$server/token" 2>&1) || { echo "$answer"; exit 1; }
  token=$(echo "$answer" | sed -E 's/.*"access_token" *: *"([^"]+)".*/\1/')
  fetch --data-binary @sales.csv "https://storage.googleapis.com/upload/storage/v1/b/$BUCKET/o?uploadType=media&name=$RUN" > /dev/null
  fetch "https://storage.googleapis.com/storage/v1/b/$BUCKET/o/$RUN?alt=media" | cmp - sales.csv && echo same content
  [ "$(date +%s)" -lt $end ] || exit 0
  sleep 1
done
