#!/bin/sh
# version.sh list CRATE: writes the versions of a crate, which Cargo keeps with its index.
# version.sh install CRATE VERSION BINARY: compiles a binary of this folder with that version.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
crate=$2
if [ "$1" = list ]; then
  mkdir -p list/src
  touch list/src/lib.rs
  printf '[package]\nname = "list"\nversion = "0.0.0"\n[workspace]\n[dependencies]\n%s = "*"\n' "$crate" > list/Cargo.toml
  cargo generate-lockfile --quiet --manifest-path list/Cargo.toml
  find "${CARGO_HOME:-$HOME/.cargo}/registry/index" -path "*.cache/*" -name "$crate" -exec grep --text --only-matching '"vers": *"[^"]*"' {} + |
    cut -d '"' -f 4
  exit
fi
mkdir -p src/bin debug
cp "$here/src/bin/$4.rs" src/bin
sed "/^$crate = /s/version = \"=[^\"]*\"/version = \"=$3\"/" "$here/Cargo.toml" > Cargo.toml
# All versions share a folder of compiled dependencies.
CARGO_TARGET_DIR=../target cargo build --quiet --bin "$4"
cp "../target/debug/$4" debug
