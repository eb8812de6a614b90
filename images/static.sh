# Settings of the release builds: one static file without dependencies on the machine that runs it. Sourced.
# shellcheck shell=bash

# static_into FOLDER: configures Cargo for static builds in FOLDER. Relative relocations are packed, which reduces the size by
# a tenth. Paths of this machine are remapped, so that builds on different machines are identical.
static_into() {
  local home=${CARGO_HOME:-$HOME/.cargo}
  export CARGO_TARGET_DIR=$1 CARGO_INCREMENTAL=0
  export CFLAGS="-ffile-prefix-map=$home=/cargo -ffile-prefix-map=$PWD=/src"
  export RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs \
    --remap-path-prefix=$home=/cargo --remap-path-prefix=$PWD=/src --remap-path-prefix=$1=/target"
}
