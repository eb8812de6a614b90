# call.sh PROGRAM ARGUMENTS: runs a program that writes an ID token, and calls the service with it.
set -eu
token=$("$@")
exec curl --silent --show-error --fail-with-body --cacert "$SSL_CERT_FILE" --header "Authorization: Bearer $token" "$SERVICE_URL"
