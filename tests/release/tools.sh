# Installs the pinned tools that check a release, in the cache. Sourced by `run`.
# shellcheck shell=bash
. "$root/tests/python/venv.sh"

tools=${XDG_CACHE_HOME:-$HOME/.cache}/rolebridge/release
modules=(
  github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
  sigs.k8s.io/krew/cmd/krew@v0.4.3
  sigs.k8s.io/krew/cmd/validate-krew-manifest@v0.4.3
)

# install_tools: installs the tools and adds them to PATH.
install_tools() {
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
  local scripts; mapfile -t scripts < <(list_scripts)
  shellcheck "${scripts[@]}"
}

# pipes_are_read: no script stops reading what another command still writes. That command would fail by SIGPIPE, at random, and
# the script with it, because of pipefail.
pipes_are_read() {
  local scripts stops; mapfile -t scripts < <(list_scripts)
  stops=$(grep -nE '[^|]\| *(head|grep +(-[a-zA-Z]*q|--quiet)|grep .* -q|sed .*[0-9]q\>)' "${scripts[@]}" | grep -v stops=)
  if [ -n "$stops" ]; then printf '%s\n' "$stops" "Fix: use \`sed -n 1p\` or \`grep … > /dev/null\`."; return 1; fi
}

# actions_are_pinned: every `uses:` of another repository has a commit and, in a comment, its version.
actions_are_pinned() {
  local unpinned; unpinned=$(grep -hE '^ *-? *uses: ' .github/workflows/*.yml | grep -vE 'uses: (\./|[^@ ]+@[0-9a-f]{40} # v[0-9.]+$)')
  if [ -n "$unpinned" ]; then echo "$unpinned"; return 1; fi
}

base_images_are_pinned() {
  local unpinned; unpinned=$(grep -hE '^FROM ' images/*.Dockerfile | grep -vE '^FROM (scratch$|[^@ ]+@sha256:[0-9a-f]{64} )')
  if [ -n "$unpinned" ]; then echo "$unpinned"; return 1; fi
}
