# The programs that judge a release: pinned, and kept where the other steps keep theirs. Sourced by `run`.
# shellcheck shell=bash
. "$root/tests/python/venv.sh"

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
  local python; python=$(venv "$root/tests/release/requirements.txt") || return
  PATH=$python/bin:$PATH
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
