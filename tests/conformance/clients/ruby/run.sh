# run.sh ROOT PROGRAM: runs a Ruby program in Debian's folder, where the pod's files and Google's names are as outside.
set -eu
root=$(readlink -f "$1")
cp "$2" "$root/program.rb"
export ROOT="$root"
# shellcheck disable=SC2016 # for the inner shell
exec unshare --mount /bin/sh -c '
  mount --bind /tmp "$ROOT/tmp" && mount --bind /etc/hosts "$ROOT/etc/hosts" && exec /usr/sbin/chroot "$ROOT" /usr/bin/ruby /program.rb'
