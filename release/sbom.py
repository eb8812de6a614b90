#!/usr/bin/env python3
"""Print the SBOM of a program as SPDX 2.3 in JSON.

    sbom.py PACKAGE   for example rolebridge-sidecar

It lists the packages that Cargo compiles into the program for Linux on both architectures, with the features of a build by
itself (`cargo tree -p`). The digests are those of Cargo.lock. The output is reproducible.
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
    """Return the license of each compiled package by name and version; the program is the first entry."""
    command = ["cargo", "tree", "--locked", "--package", package, "--edges", "normal,no-proc-macro", "--prefix", "none"]
    command += ["--format", "{p}|{l}", *(argument for target in TARGETS for argument in ("--target", target))]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    packages = {}
    for line in lines:
        found = re.fullmatch(r"(\S+) v(\S+)(?: \(.*\))?\|(.*?)(?: \(\*\))?", line)
        if found:
            packages.setdefault((found[1], found[2]), found[3])
    return packages


def identifier(name, version):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", f"{name}-{version}")


def spdx_license(text):
    """Return an SPDX expression. Cargo still accepts the old slash for OR."""
    return re.sub(r" */ *", " OR ", text) or "NOASSERTION"


def describe(name, version, text, locked):
    package = {
        "SPDXID": identifier(name, version),
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": spdx_license(text),
        "copyrightText": "NOASSERTION",
    }
    if locked.get("source") == REGISTRY:
        package["downloadLocation"] = f"https://static.crates.io/crates/{name}/{name}-{version}.crate"
        package["checksums"] = [{"algorithm": "SHA256", "checksumValue": locked["checksum"]}]
        purl = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl"}
        package["externalRefs"] = [purl | {"referenceLocator": f"pkg:cargo/{name}@{version}"}]
    return package


def relationship(element, kind, related):
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": related}


def document(package):
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    locked = {(entry["name"], entry["version"]): entry for entry in lock["package"]}
    licenses = tree(package)
    (name, version), *dependencies = licenses
    packages = [describe(*key, text, locked[key]) for key, text in licenses.items()]
    created = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), timezone.utc)
    digest = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()
    program = identifier(name, version)
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
            relationship("SPDXRef-DOCUMENT", "DESCRIBES", program),
            *(relationship(program, "CONTAINS", identifier(*dependency)) for dependency in dependencies),
        ],
    }


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    json.dump(document(sys.argv[1]), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
