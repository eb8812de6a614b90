# fetch.sh PROGRAM ARGUMENTS: runs a program that writes a signed URL, and fetches the URL without credentials.
set -eu
url=$("$@")
exec curl --silent --show-error --fail-with-body --cacert "$SSL_CERT_FILE" "$url"
