set -eu
PATH=$1:$PATH
seq 1 1000 > sales.csv
dvc init --quiet --no-scm
dvc config core.analytics false
dvc remote add --quiet --default data "$REMOTE"
dvc add --quiet sales.csv
dvc push
mv sales.csv original.csv
rm -r .dvc/cache
dvc pull
cmp sales.csv original.csv && echo same content
