#!/usr/bin/env python3
"""Print what a program is made of, as SPDX 2.3 in JSON.

    sbom.py PACKAGE   such as rolebridge-sidecar

What Cargo compiles into it for Linux, of both architectures, with the features that it has by itself: `cargo tree -p`. The
digests are those of Cargo.lock. The same source gives the same document.
"""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
from datetime import datetime, timezone

ROOT = pathlib.Path(__file__).parent.parent
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def tree(package):
    """Name, version and licence of everything that is compiled in, the package first."""
    command = ["cargo", "tree", "--locked", "--package", package, "--edges", "normal,no-proc-macro", "--prefix", "none"]
    command += ["--format", "{p}|{l}", *(word for target in TARGETS for word in ("--target", target))]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    parts = {}
    for line in lines:
        found = re.fullmatch(r"(\S+) v(\S+)(?: \(.*\))?\|(.*?)(?: \(\*\))?", line)
        if found:
            parts.setdefault((found[1], found[2]), found[3])
    return parts


def identifier(name, version):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", f"{name}-{version}")


def licence(text):
    """Cargo still takes the old slash for OR."""
    return re.sub(r" */ *", " OR ", text) or "NOASSERTION"


def described(name, version, text, locked):
    package = {
        "SPDXID": identifier(name, version),
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licence(text),
        "copyrightText": "NOASSERTION",
    }
    if locked.get("source") == REGISTRY:
        package["downloadLocation"] = f"https://static.crates.io/crates/{name}/{name}-{version}.crate"
        package["checksums"] = [{"algorithm": "SHA256", "checksumValue": locked["checksum"]}]
        purl = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl"}
        package["externalRefs"] = [purl | {"referenceLocator": f"pkg:cargo/{name}@{version}"}]
    return package


def relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def document(package):
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    locked = {(one["name"], one["version"]): one for one in lock["package"]}
    parts = tree(package)
    (name, version), *others = parts
    packages = [described(*part, text, locked[part]) for part, text in parts.items()]
    created = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), timezone.utc)
    digest = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()
    top = identifier(name, version)
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{name}-{version}",
        "documentNamespace": f"https://github.com/rolebridge/rolebridge/spdx/{name}-{version}-{digest}",
        "creationInfo": {
            "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Organization: Rolebridge", "Tool: release/sbom.py"],
        },
        "packages": packages,
        "relationships": [
            relation("SPDXRef-DOCUMENT", "DESCRIBES", top),
            *(relation(top, "CONTAINS", identifier(*other)) for other in others),
        ],
    }


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    json.dump(document(sys.argv[1]), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
