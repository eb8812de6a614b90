#!/usr/bin/env python3
"""Write a version to every file that contains it, or check that all files have the same version.

    version.py VERSION [DATE]   write it; DATE (default: today) is the date in CHANGELOG.md
    version.py --check [TAG]    fail if a file has another version, or if TAG is not vVERSION

The workspace's version in Cargo.toml is the source. It is written to Cargo.lock, the chart, the files rendered from the
chart, the output in the documentation's quick start, and a heading of CHANGELOG.md above the unreleased changes.
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
GENERATORS = ("scripts/render_manifests.py",)
QUICK_START = ROOT / "docs/src/quick-start.md"

CARGO_VERSION = re.compile(r'^(\[workspace\.package\]\nversion = ")([^"]+)(")', re.M)
# A package without a source is a member of the workspace.
LOCK_VERSION = re.compile(r'^(\[\[package\]\]\nname = "([^"]+)"\nversion = ")([^"]+)("\n(?!source))', re.M)
CHART_VERSION = re.compile(r"^((version|appVersion| +image): (?:ghcr\.io/rolebridge/[a-z]+:)?)(\S+)()$", re.M)
IMAGE = r"ghcr\.io/rolebridge/[a-z]+:(\S*\w)"

NUMBER = r"(0|[1-9]\d*)"
# https://semver.org without build metadata: image tags and Kubernetes labels cannot contain "+".
SEMVER = re.compile(rf"{NUMBER}\.{NUMBER}\.{NUMBER}(?:-((?:{NUMBER}|\d*[a-zA-Z-][\da-zA-Z-]*)(?:\.(?:{NUMBER}|\d*[a-zA-Z-][\da-zA-Z-]*))*))?")


def precedence(version):
    """Return the sort key of SemVer: a pre-release precedes its release, numeric identifiers precede others."""
    core, _, pre = version.partition("-")
    identifiers = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")] if pre else []
    return [int(number) for number in core.split(".")], not pre, identifiers


def current():
    return CARGO_VERSION.search(CARGO.read_text())[2]


def rewrite(path, pattern, version):
    text = path.read_text()
    new = pattern.sub(lambda match: match[1] + version + match[match.re.groups], text)
    if pattern.search(text) is None:
        sys.exit(f"version.py: no version found in {path.relative_to(ROOT)}")
    path.write_text(new)


def write(version, date):
    if not SEMVER.fullmatch(version):
        sys.exit(f"version.py: expected a version such as 1.2.3 or 1.2.3-rc.1 (SemVer without build metadata), found {version!r}")
    if precedence(version) < precedence(current()):
        sys.exit(f"version.py: {version} is older than the current version {current()}")
    changed = changelog.release((ROOT / "CHANGELOG.md").read_text(), version, date)
    rewrite(QUICK_START, re.compile(rf"(?<![\w.])(){re.escape(current())}()(?!\.?[\w-])"), version)
    rewrite(CARGO, CARGO_VERSION, version)
    rewrite(LOCK, LOCK_VERSION, version)
    rewrite(CHART, CHART_VERSION, version)
    (ROOT / "CHANGELOG.md").write_text(changed)
    for script in GENERATORS:
        subprocess.run([ROOT / script], check=True)


def places():
    """Yield each place that contains the version, with its version."""
    for name, version in ((found[2], found[3]) for found in LOCK_VERSION.finditer(LOCK.read_text())):
        yield f"Cargo.lock, {name}", version
    for name, version in ((found[2], found[3]) for found in CHART_VERSION.finditer(CHART.read_text())):
        yield f"charts/rolebridge/Chart.yaml, {name}", version
    for path in sorted((ROOT / "manifests").glob("*.yaml")):
        for version in re.findall(rf'app\.kubernetes\.io/version: "(.+)"|{IMAGE}', path.read_text()):
            yield f"manifests/{path.name}", "".join(version)
    for version in re.findall(IMAGE, QUICK_START.read_text()):
        yield QUICK_START.relative_to(ROOT), version
    newest = changelog.newest((ROOT / "CHANGELOG.md").read_text())
    if newest:
        yield "CHANGELOG.md, the newest heading", newest


def check(tag):
    expected = current()
    errors = [f"{place}: expected {expected}, found {version}" for place, version in places() if version != expected]
    if tag is not None and tag != f"v{expected}":
        errors.append(f"tag: expected v{expected}, found {tag}")
    if errors:
        sys.exit("\n".join(["version.py: versions differ from Cargo.toml:", *errors]))
    print(expected)


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
