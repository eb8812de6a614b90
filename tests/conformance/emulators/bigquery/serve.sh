#!/usr/bin/env bash
# serve.sh HERE FOLDER HTTP GRPC: runs bqemulator, as installed in a folder. DuckDB finds its extension in a home of its own, so that
# it downloads none.
set -euo pipefail
HOME=$(mktemp -d)
export HOME
mkdir "$HOME/.duckdb"
cp -r "$2"/lib/python3*/site-packages/duckdb_ext/extensions "$HOME/.duckdb/"
exec "$2/bin/python" "$1/serve.py" start --rest-port "$3" --grpc-port "$4" --project shop-analytics \
  --log-level warning
