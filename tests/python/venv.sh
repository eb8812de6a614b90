# Creates a cached virtual environment for each list of packages. Sourced by other scripts.
# shellcheck shell=bash

# venv REQUIREMENTS: creates the environment if it does not exist, and prints its folder.
venv() {
  local version folder
  version=$(python3 -c 'import platform; print(platform.python_version())')
  folder=${XDG_CACHE_HOME:-$HOME/.cache}/rolebridge/python/$version-$(sha256sum "$1" | cut -c1-16)
  if [ ! -e "$folder/complete" ]; then
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 &&
      "$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$1" >&2 &&
      touch "$folder/complete" || return
  fi
  echo "$folder"
}
