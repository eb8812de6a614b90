#!/bin/sh
# install.sh: puts Debian unstable with Ruby into a folder of its own, because the stable release's googleauth predates
# federation. The folder is in the cache, and `root` in the current folder leads to it.
set -eu
root=${XDG_CACHE_HOME:-$HOME/.cache}/rolebridge/ruby
ln -sfn "$root" root
[ ! -e "$root/installed" ] || exit 0
command -v debootstrap > /dev/null || apt-get install --quiet --quiet --yes --no-install-recommends debootstrap debian-archive-keyring
rm -rf "$root"
mirror=$("$(dirname "$0")/../../debian-mirror")
debootstrap --variant=minbase --include=ruby,ruby-googleauth,ca-certificates unstable "$root" "$mirror"
rm -rf "$root"/var/cache/apt "$root"/var/lib/apt/lists "$root"/usr/share/doc "$root"/usr/share/locale
touch "$root/etc/hosts" "$root/installed"
