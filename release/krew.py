#!/usr/bin/env python3
"""Print krew's manifest of a release: krew.yaml in this folder, with a platform for each archive of the command line.

    krew.py VERSION FOLDER   FOLDER contains rolebridge_OS_ARCH.tar.gz for every platform
"""

import hashlib
import pathlib
import sys

TEMPLATE = pathlib.Path(__file__).parent / "krew.yaml"
PLATFORMS = [(system, architecture) for system in ("linux", "darwin") for architecture in ("amd64", "arm64")]
DOWNLOADS = "https://github.com/rolebridge/rolebridge/releases/download"
PLATFORM = """\
    - selector:
        matchLabels:
          os: {system}
          arch: {architecture}
      uri: {downloads}/v{version}/{name}
      sha256: {digest}
      bin: rolebridge
      files:
        - {{ from: rolebridge, to: . }}
        - {{ from: LICENSE, to: . }}
        - {{ from: kubectl_complete-rolebridge, to: . }}
"""


def platform(version, folder, system, architecture):
    name = f"rolebridge_{system}_{architecture}.tar.gz"
    path = folder / name
    if not path.is_file():
        sys.exit(f"krew.py: {name} not found in {folder}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return PLATFORM.format(
        system=system, architecture=architecture, downloads=DOWNLOADS, version=version, name=name, digest=digest
    )


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    version, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    platforms = [platform(version, folder, *pair) for pair in PLATFORMS]
    sys.stdout.write(TEMPLATE.read_text().format(version=version) + "".join(platforms))


if __name__ == "__main__":
    main()
