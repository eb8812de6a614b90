#!/bin/sh
# install.sh: adds the client of IAM Credentials to the Debian unstable of Ruby's clients.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"$here/../../clients/ruby/install.sh"
package=ruby-google-apis-iamcredentials-v1
ls root/usr/share/rubygems-integration/all/specifications/google-apis-iamcredentials_v1-*.gemspec > /dev/null 2>&1 && exit 0
cp /etc/resolv.conf root/etc/resolv.conf
# A mirror may be older than the validity of its list.
chroot root apt-get -qq -o Acquire::Check-Valid-Until=false update
DEBIAN_FRONTEND=noninteractive chroot root apt-get -qq --yes --no-install-recommends install "$package"
rm -rf root/var/cache/apt root/var/lib/apt/lists
