#!/usr/bin/env bash
# install.sh: compiles the program for ID tokens with a library before 0.277.0, in the current folder.
set -euo pipefail
here=$(dirname "$0")
mkdir -p older
cp "$here"/go.* "$here/../id-token/main.go" older
cd older
go build -o id-token .
