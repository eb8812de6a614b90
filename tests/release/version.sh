# Checks of the version. Sourced by `run`.
# shellcheck shell=bash

next=7.8.9-rc.1
version() { release/version.py --check; }

# copy_repository FOLDER: copies the working tree, without ignored files, to a new Git repository.
copy_repository() {
  git ls-files -z --cached --others --exclude-standard --deduplicate |
    while IFS= read -rd '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar --create --null --files-from - | tar --extract --directory "$1" || return
  git -C "$1" init --quiet && git -C "$1" add --all &&
    git -C "$1" -c user.name=test -c user.email=test@localhost commit --quiet --message copy
}

# bump_version: writes a version in a working tree with uncommitted changes. Records the old version.
bump_version() {
  version > .git/old && echo >> README.md && make --silent version VERSION=$next DATE=2030-01-02 && release/version.py --check v$next
}

only_expected_files_changed() {
  diff <(git diff --name-only) <(printf '%s\n' CHANGELOG.md Cargo.lock Cargo.toml README.md charts/rolebridge/Chart.yaml docs/src/quick-start.md \
    "$(git grep -l "$(sed 's/\./\\./g' .git/old)" HEAD -- manifests | sed 's/^HEAD://')")
}

# old_version_is_gone: in the excluded files, the same number may be the version of another program.
old_version_is_gone() {
  ! git grep -nwF "$(cat .git/old)" -- . ':!CHANGELOG.md' ':!Cargo.lock' ':!*go.mod' ':!*go.sum' \
    ':!tests/conformance/versions.yaml' ':!docs/clients.md' ':!docs/src/languages.md'
}
