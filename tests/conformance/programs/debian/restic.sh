set -eu
mkdir data copy
seq 1 1000 > data/sales.csv
"$PROGRAM" init
if [ -n "${REPEAT_SECONDS:-}" ]; then
  # One process, which uploads packs at a limited rate: 512 KiB each second.
  head -c "$((REPEAT_SECONDS * 512))K" /dev/urandom > data/random
  "$PROGRAM" backup --limit-upload 512 --pack-size 4 -o gs.connections=1 data
  exit
fi
"$PROGRAM" backup data
"$PROGRAM" check
"$PROGRAM" restore latest --target copy
cmp data/sales.csv copy/data/sales.csv && echo same content
