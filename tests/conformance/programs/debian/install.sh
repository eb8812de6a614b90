#!/bin/sh
# install.sh PACKAGE: unpacks a package of Debian unstable into the current folder, because the stable release's programs
# are years old. The package must need nothing except the C library.
set -eu
[ ! -e "$1-installed" ] || exit 0
mkdir -p apt/lists/partial apt/cache/archives/partial
mirror=$("$(dirname "$0")/../../debian-mirror")
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror unstable main" > apt/sources.list
apt() {
  apt-get --quiet --quiet -o "Dir::Etc::sourcelist=$PWD/apt/sources.list" -o Dir::Etc::sourceparts=- \
    -o "Dir::State::lists=$PWD/apt/lists" -o "Dir::Cache=$PWD/apt/cache" "$@"
}
rm -f "$1"_*.deb
apt update
apt download "$1"
dpkg-deb --extract "$1"_*.deb .
touch "$1-installed"
