# The programs that judge a release: pinned, and kept where the other steps keep theirs. Sourced by `run`.
# shellcheck shell=bash

tools=${XDG_CACHE_HOME:-$HOME/.cache}/rolebridge/delivery
modules=(
  github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
  sigs.k8s.io/krew/cmd/krew@v0.4.3
  sigs.k8s.io/krew/cmd/validate-krew-manifest@v0.4.3
)

# get_tools: puts all of them on the PATH.
get_tools() {
  "$root/tests/cluster/build" helm kubectl || return
  . "$root/tests/cluster/paths.sh"
  PATH=$bin:$PATH
  local module name
  for module in "${modules[@]}"; do
    name=${module##*/}
    [ -x "$tools/$name/${name%@*}" ] || GOBIN=$tools/$name GOFLAGS=-mod=readonly go install "$module" || return
    PATH=$tools/$name:$PATH
  done
  local requirements=$root/tests/delivery/requirements.txt venv
  venv=$tools/python/$(python3 -c 'import platform; print(platform.python_version())')-$(sha256sum "$requirements" | cut -c1-16)
  if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" || return
    touch "$venv/complete"
  fi
  PATH=$venv/bin:$PATH
}

lint_scripts() {
  local all; mapfile -t all < <(scripts)
  shellcheck "${all[@]}"
}

# pinned: no `uses:` of another repository without a commit, and the version that it is beside it.
pinned() {
  local loose; loose=$(grep -hE '^ *-? *uses: ' .github/workflows/*.yml | grep -vE 'uses: (\./|[^@ ]+@[0-9a-f]{40} # v[0-9.]+$)')
  if [ -n "$loose" ]; then echo "$loose"; return 1; fi
}
