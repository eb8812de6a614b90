# One version everywhere. Sourced by `run`.
# shellcheck shell=bash

next=7.8.9-rc.1
version() { release/version.py --check; }

# copy_tree FOLDER: what Git knows or would, as it stands here, in a repository of its own.
copy_tree() {
  git ls-files -z --cached --others --exclude-standard --deduplicate |
    while IFS= read -rd '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar --create --null --files-from - | tar --extract --directory "$1" || return
  git -C "$1" init --quiet && git -C "$1" add --all &&
    git -C "$1" -c user.name=test -c user.email=test@localhost commit --quiet --message copy
}

# bump: to a version, in a tree that is not clean. Takes the old one with it.
bump() {
  version > .git/old && echo >> README.md && make --silent version VERSION=$next DATE=2030-01-02 && release/version.py --check v$next
}

changed_as_expected() {
  diff <(git diff --name-only) <(printf '%s\n' CHANGELOG.md Cargo.lock Cargo.toml README.md charts/rolebridge/Chart.yaml docs/src/quick-start.md \
    "$(git grep -l "$(sed 's/\./\\./g' .git/old)" HEAD -- manifests | sed 's/^HEAD://')")
}

# nothing_left: elsewhere the same number is another program's version.
nothing_left() {
  ! git grep -nwF "$(cat .git/old)" -- . ':!CHANGELOG.md' ':!Cargo.lock' ':!*go.mod' ':!*go.sum'
}
