#!/bin/sh
# install.sh VERSION: compiles OpenTofu in its own module, because `go install` refuses a module that replaces another.
set -eu
grep --quiet --no-messages --line-regexp "$1" installed && exit
folder=$(go mod download -json "github.com/opentofu/opentofu@v$1" | sed -nE 's/^\s*"Dir": "(.*)",?$/\1/p')
out=$PWD
cd "$folder"
go build -o "$out/tofu" ./cmd/tofu
echo "$1" > "$out/installed"
