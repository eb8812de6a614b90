#!/bin/sh
# version.sh PROGRAM MODULE@VERSION: compiles a program of this folder with that version, in the current folder.
set -eu
cp "$(dirname "$0")/$1/main.go" .
[ -e go.mod ] || go mod init conformance
go get "$2"
go mod tidy
go build -o "$1" .
