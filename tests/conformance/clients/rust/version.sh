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
cp "$here/Cargo.lock" .
# Only the crate of this client, because Cargo compiles every dependency of a package.
manifest() {
  grep -vE '^(gcloud-auth|google-cloud-auth|object_store) = ' "$here/Cargo.toml"
  grep "^$crate = " "$here/Cargo.toml" | sed "s/version = \"=[^\"]*\"/version = \"=$1\"/$2"
}
# All versions share a folder of compiled dependencies.
build() {
  cargo fetch --quiet
  # Before 0.13, reqwest trusts only the CAs that it contains, unless a package asks for the system's.
  sed -nE '/^name = "reqwest"$/{n; s/^version = "(0\.1[12])\..*/\1/p}' Cargo.lock | while read -r old; do
    echo "reqwest-$old = { package = \"reqwest\", version = \"$old\", default-features = false, features = [\"rustls-tls-native-roots\"] }" |
      sed 's/-0\./-0-/' >> Cargo.toml
  done
  CARGO_TARGET_DIR=../../rust cargo build --quiet --bin "$1"
}
manifest "$3" "" > Cargo.toml
if ! build "$4" 2> log; then
  # Older versions have other features for TLS. object_store had one trait less, and its address was not a setting.
  sed -i 's/ObjectStoreExt/ObjectStore/; /with_base_url/d' "src/bin/$4.rs"
  manifest "$3" '; s/default-features = false, //; s/, "rustls-no-provider", "jwt-rust-crypto"//' > Cargo.toml
  build "$4" || { cat log >&2; exit 1; }
fi
cp "../../rust/debug/$4" debug
