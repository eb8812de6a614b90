#!/usr/bin/env bash
# serve.sh FOLDER PORT: runs fake-gcs-server, as installed in a folder, with the bucket of the runs.
set -euo pipefail
program=$(find "$1" -name fake-gcs-server-linux-amd64 -print -quit)
data=$(mktemp -d)
mkdir "$data/shop-reports"
exec "$program" -host 127.0.0.1 -port "$2" -scheme http -backend memory -data "$data" \
  -external-url https://storage.googleapis.com -public-host storage.googleapis.com
