# How the programs are compiled as they ship: one static file that needs nothing of the machine it runs on. Sourced.
# shellcheck shell=bash

# static_into FOLDER: has Cargo compile so, into FOLDER. Relative relocations are packed, which makes a program smaller
# by a tenth. The paths of this machine are kept out of it, or two machines would build two programs.
static_into() {
  local home=${CARGO_HOME:-$HOME/.cargo}
  export CARGO_TARGET_DIR=$1 CARGO_INCREMENTAL=0
  export CFLAGS="-ffile-prefix-map=$home=/cargo -ffile-prefix-map=$PWD=/src"
  export RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs \
    --remap-path-prefix=$home=/cargo --remap-path-prefix=$PWD=/src --remap-path-prefix=$1=/target"
}
