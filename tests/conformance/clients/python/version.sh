#!/usr/bin/env bash
# version.sh MODULE NAME==VERSION [REQUIREMENT...]: installs a version of a library into the current folder as on its first day: with
# the dependencies, and the Python, that a user had then. Fails if MODULE does not load.
set -euo pipefail
module=$1
shift
[ -x ../uv/bin/uv ] || { python3 -m venv ../uv && ../uv/bin/pip --quiet --disable-pip-version-check install uv==0.13.9; }
uv=../uv/bin/uv
# uv finds every Python in PATH, and fetches those that are missing if it can.
for folder in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3*/bin; do PATH=$PATH:$folder; done

uploaded=$($uv pip compile --quiet --no-deps --format pylock.toml --only-binary :all: - <<< "$1" |
  sed -nE 's/.*upload-time = ([0-9TZ:-]+).*/\1/p' | sort | sed -n 1p)
day=$(date --utc --date "$uploaded + 1 day" +%FT%TZ)
# uv builds source packages with nothing older.
setuptools=2021-01-01T00:00:00Z
[[ $day < $setuptools ]] || setuptools=$day
# These would be compiled for minutes, so only their wheels are used.
wheels=(--only-binary grpcio --only-binary numpy --only-binary pyarrow --only-binary google-crc32c --only-binary cryptography)
# The newest Python at the start of that year, because a minor version appears each October; else the next older one.
minor=$((${day%%-*} - 2012))
for ((minor = minor < 6 ? 6 : minor; minor >= 6; minor -= 1)); do
  $uv venv --quiet --clear --python "3.$minor" "$PWD" 2> /dev/null || continue
  cd "$PWD" # uv replaced the folder
  $uv pip install --quiet --python . "${wheels[@]}" --exclude-newer "$day" --exclude-newer-package "setuptools=$setuptools" \
    "$@" "setuptools<81" 2> log || continue
  bin/python -c "import $module" 2>> log && exit
done
cat log >&2
exit 1
