set -eu
mkdir data copy
seq 1 1000 > data/sales.csv
"$PROGRAM" init
"$PROGRAM" backup data
"$PROGRAM" check
"$PROGRAM" restore latest --target copy
cmp data/sales.csv copy/data/sales.csv && echo same content
