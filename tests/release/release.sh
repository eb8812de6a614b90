# Builds a release with a debug build of the command line, and checks it. Sourced by `run`, in a copy of the repository.
# shellcheck shell=bash

program=${CARGO_TARGET_DIR:-$root/target}/debug/rolebridge

build_release() {
  mkdir dist
  local platform
  for platform in {linux,darwin}_{amd64,arm64}; do release/tarball.py "$program" "dist/rolebridge_$platform.tar.gz" || return; done
  release/assemble-dist dist notes.md
  diff <(ls dist) <(printf '%s\n' checksums.txt rolebridge-{cli,sidecar,webhook}.spdx.json rolebridge.yaml \
    rolebridge_{darwin,linux}_{amd64,arm64}.tar.gz)
}

notes_are_the_section() {
  grep -q '^### Added$' notes.md && ! grep -q '^## ' notes.md
}

checksums_are_correct() {
  (cd dist && sha256sum --strict --check checksums.txt) && [ "$(wc -l < dist/checksums.txt)" = 8 ]
}

archive_is_reproducible() {
  release/tarball.py "$program" again.tar.gz && cmp again.tar.gz dist/rolebridge_linux_amd64.tar.gz
}

sboms_are_valid() {
  local sbom
  for sbom in dist/*.spdx.json; do pyspdxtools --infile "$sbom" || return; done
}

# archive_has_pages: the archive has what a package of a distribution needs, besides the program.
archive_has_pages() {
  local names; names=$(tar --list --file dist/rolebridge_linux_amd64.tar.gz) || return
  diff <(grep -v '^man/' <<< "$names") <(printf '%s\n' LICENSE README.md completions/{rolebridge.bash,_rolebridge,rolebridge.fish} \
    kubectl_complete-rolebridge rolebridge) || return
  grep -q '^man/man1/rolebridge.1$' <<< "$names" && grep -q '^man/man1/rolebridge-check.1$' <<< "$names"
}

# sboms_have_known_packages: the sidecar contains AWS's SDK and never kube; the programs have the workspace's version.
sboms_have_known_packages() {
  python3 - << 'P'
import json
def packages(program):
    return {package["name"]: package for package in json.load(open(f"dist/rolebridge-{program}.spdx.json"))["packages"]}
sidecar, webhook = packages("sidecar"), packages("webhook")
assert "aws-sdk-sts" in sidecar and "kube" not in sidecar, sorted(sidecar)
assert "kube" in webhook and "aws-sdk-sts" not in webhook, sorted(webhook)
assert sidecar["rolebridge-sidecar"]["versionInfo"] == "7.8.9-rc.1"
assert all("checksums" in package for name, package in sidecar.items() if not name.startswith("rolebridge-"))
P
}

# krew_manifest_is_valid: checks krew's own rules, and then the additional rules of krew-index.
krew_manifest_is_valid() {
  validate-krew-manifest -manifest dist/rolebridge.yaml -skip-install || return
  python3 - << 'P'
import hashlib, re, yaml
spec = yaml.safe_load(open("dist/rolebridge.yaml"))["spec"]
assert spec["version"] == "v7.8.9-rc.1", spec["version"]
assert len(spec["shortDescription"]) <= 50 and not re.search(r"kubectl|\.$", spec["shortDescription"]), spec["shortDescription"]
assert max(map(len, spec["description"].splitlines())) <= 80
for platform in spec["platforms"]:
    labels = platform["selector"]["matchLabels"]
    name = "rolebridge_{os}_{arch}.tar.gz".format(**labels)
    assert platform["uri"].endswith(f"/v7.8.9-rc.1/{name}"), platform["uri"]
    assert platform["sha256"] == hashlib.sha256(open(f"dist/{name}", "rb").read()).hexdigest(), name
assert len({str(platform["selector"]) for platform in spec["platforms"]}) == 4
P
}

krew_installs() {
  export KREW_ROOT=$PWD/krew
  krew install --manifest dist/rolebridge.yaml --archive "dist/rolebridge_linux_$(dpkg --print-architecture).tar.gz" || return
  PATH=$KREW_ROOT/bin:$PATH kubectl rolebridge --version
}

# cargo_installs_from_source: runs the documented command, but as a debug build and into another folder.
cargo_installs_from_source() {
  local folder=$PWD/home/.cargo
  CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target} \
    cargo install --path src/cli --quiet --debug --locked --offline --root "$folder" || return
  ln -s "$folder/bin/rolebridge" "$folder/bin/kubectl-rolebridge"
  [ "$(PATH=$folder/bin:$PATH kubectl rolebridge --version)" = "rolebridge $next" ] || return
  cp release/kubectl_complete-rolebridge "$folder/bin"
  # kubectl completes the plugin's commands, as its own script for a shell asks it to. grep reads everything: if it ended at the
  # first match, kubectl would fail to write the rest.
  PATH=$folder/bin:$PATH kubectl __complete rolebridge doct | grep '^doctor' > /dev/null
}

# documentation_is_published: publishes pages of several versions to a local repository, not in their order.
documentation_is_published() {
  local remote=$PWD/pages.git site=$PWD/pages version
  git init --quiet --bare "$remote"
  for version in 0.9.0 0.10.0 0.11.0-rc.1 0.9.1 0.10.0; do
    rm -rf page
    mkdir page
    echo "$version" > page/index.html
    release/publish-book page "$version" "$remote" || return
  done
  git clone --quiet --branch gh-pages "$remote" "$site" || return
  diff <(cat "$site"/{0.9.0,0.9.1,0.10.0,0.11.0-rc.1,latest}/index.html) <(printf '%s\n' 0.9.0 0.9.1 0.10.0 0.11.0-rc.1 0.10.0) || return
  [ "$(grep -c '<li>' "$site/index.html")" = 4 ] && fails_with "no index.html" release/site.py programs "$site" 1.0.0
}

# images_from_precompiled_programs: builds images from dummy programs for both architectures, as a release does.
images_from_precompiled_programs() {
  local architecture kind
  for architecture in amd64 arm64; do
    mkdir -p "programs/$architecture"
    for kind in webhook sidecar; do
      echo "$architecture" > "programs/$architecture/rolebridge-$kind"
      chmod +x "programs/$architecture/rolebridge-$kind"
    done
  done
  PROGRAMS=programs ARCHITECTURES="amd64 arm64" OUT=archives images/build > lines || return
  grep -q "^localhost/rolebridge/webhook:$next sha256:[0-9a-f]* .* amd64+arm64$" lines || { cat lines; return 1; }
}
