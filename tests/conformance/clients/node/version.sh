#!/bin/sh
# version.sh PROGRAM PACKAGE...: installs packages into the current folder, with a program of this folder.
set -eu
program=$1
shift
cp "$(dirname "$0")/auth.mjs" "$(dirname "$0")/$program" .
echo '{"private": true, "type": "module"}' > package.json
npm install --silent --no-audit --no-fund "$@"
ln -sf "$(node -p process.execPath)" node
