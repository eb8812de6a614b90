#!/usr/bin/env python3
"""Write one version everywhere, or see that every place has the same.

    version.py VERSION [DATE]   write it; DATE (default: today's) goes into CHANGELOG.md
    version.py --check [TAG]    compare, and fail if a place differs; with TAG, also if the tag is not vVERSION

The workspace's version in Cargo.toml is the source. It goes into Cargo.lock, the chart, what is made from the chart, what
the programs print in the book's quick start, and a heading of CHANGELOG.md for what stands under "Unreleased".
"""

import datetime
import pathlib
import re
import subprocess
import sys

import changelog

ROOT = pathlib.Path(__file__).parent.parent
CARGO, LOCK = ROOT / "Cargo.toml", ROOT / "Cargo.lock"
CHART = ROOT / "charts/rolebridge/Chart.yaml"
MADE = ("scripts/render_manifests.py",)
TRANSCRIPT = ROOT / "docs/src/quick-start.md"

WORKSPACE = re.compile(r'^(\[workspace\.package\]\nversion = ")([^"]+)(")', re.M)
# A package without a source is the workspace's own.
LOCKED = re.compile(r'^(\[\[package\]\]\nname = "([^"]+)"\nversion = ")([^"]+)("\n(?!source))', re.M)
CHARTED = re.compile(r"^((version|appVersion): )(.+)()$", re.M)
IMAGE = r"ghcr\.io/rolebridge/[a-z]+:(\S*\w)"

NUMBER = r"(0|[1-9]\d*)"
# https://semver.org without build metadata: an image's tag and a label of Kubernetes cannot hold its "+".
SEMVER = re.compile(rf"{NUMBER}\.{NUMBER}\.{NUMBER}(?:-((?:{NUMBER}|\d*[a-zA-Z-][\da-zA-Z-]*)(?:\.(?:{NUMBER}|\d*[a-zA-Z-][\da-zA-Z-]*))*))?")


def order(version):
    """What versions are compared by: a pre-release comes before its release, numbers before words."""
    core, _, pre = version.partition("-")
    words = [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in pre.split(".")] if pre else []
    return [int(number) for number in core.split(".")], not pre, words


def current():
    return WORKSPACE.search(CARGO.read_text())[2]


def rewrite(path, pattern, version):
    text = path.read_text()
    new = pattern.sub(lambda found: found[1] + version + found[found.re.groups], text)
    if pattern.search(text) is None:
        sys.exit(f"version.py: {path.relative_to(ROOT)} has no version where one is looked for")
    path.write_text(new)


def write(version, date):
    if not SEMVER.fullmatch(version):
        sys.exit(f"version.py: {version!r} is no version such as 1.2.3 or 1.2.3-rc.1 (semantic, without build metadata)")
    if order(version) < order(current()):
        sys.exit(f"version.py: {version} comes before the version that is here, {current()}")
    changed = changelog.release((ROOT / "CHANGELOG.md").read_text(), version, date)
    rewrite(TRANSCRIPT, re.compile(rf"(?<![\w.])(){re.escape(current())}()(?!\.?[\w-])"), version)
    rewrite(CARGO, WORKSPACE, version)
    rewrite(LOCK, LOCKED, version)
    rewrite(CHART, CHARTED, version)
    (ROOT / "CHANGELOG.md").write_text(changed)
    for script in MADE:
        subprocess.run([ROOT / script], check=True)


def places():
    """Each place that names a version, and the version."""
    for name, version in ((found[2], found[3]) for found in LOCKED.finditer(LOCK.read_text())):
        yield f"Cargo.lock, {name}", version
    for name, version in ((found[2], found[3]) for found in CHARTED.finditer(CHART.read_text())):
        yield f"charts/rolebridge/Chart.yaml, {name}", version
    for path in sorted((ROOT / "manifests").glob("*.yaml")):
        for version in re.findall(rf'app\.kubernetes\.io/version: "(.+)"|{IMAGE}', path.read_text()):
            yield f"manifests/{path.name}", "".join(version)
    for version in re.findall(IMAGE, TRANSCRIPT.read_text()):
        yield TRANSCRIPT.relative_to(ROOT), version
    newest = changelog.newest((ROOT / "CHANGELOG.md").read_text())
    if newest:
        yield "CHANGELOG.md, the newest heading", newest


def check(tag):
    here = current()
    faults = [f"{place}: {version}" for place, version in places() if version != here]
    if tag is not None and tag != f"v{here}":
        faults.append(f"the tag: {tag}, where v{here} would be right")
    if faults:
        sys.exit("\n".join([f"version.py: Cargo.toml says {here}, but", *faults]))
    print(here)


def main():
    match sys.argv[1:]:
        case ["--check"]:
            check(None)
        case ["--check", tag]:
            check(tag)
        case [version] if not version.startswith("-"):
            write(version, datetime.date.today().isoformat())
        case [version, date] if not version.startswith("-"):
            write(version, date)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
