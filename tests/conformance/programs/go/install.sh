#!/bin/sh
# install.sh PACKAGE@VERSION: compiles a Go program into `bin`, unless it is there. Runs then need no network.
set -eu
grep --quiet --no-messages --line-regexp "$1" installed && exit
GOBIN=$PWD/bin go install "$1"
echo "$1" >> installed
