#!/usr/bin/env python3
"""Write a reproducible archive with a program, its manual pages and completions, the README and the license.

    tarball.py PROGRAM ARCHIVE.tar.gz   file dates are SOURCE_DATE_EPOCH (seconds, 0 if unset)

The program writes its own pages and completions, so it has to run on this machine.
"""

import gzip
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).parent.parent
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
COMPLETIONS = {"bash": "rolebridge.bash", "zsh": "_rolebridge", "fish": "rolebridge.fish"}


def entry(name, mode, data):
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), mode, EPOCH
    return info, io.BytesIO(data)


def pages(program):
    """Return the manual pages and the completions, by their names in the archive."""
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "man", folder], check=True)
        for page in sorted(pathlib.Path(folder).iterdir()):
            files[f"man/man1/{page.name}"] = page.read_bytes()
    for shell, name in COMPLETIONS.items():
        files[f"completions/{name}"] = subprocess.run([program, "completions", shell], check=True, capture_output=True).stdout
    return files


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program, out = map(pathlib.Path, sys.argv[1:])
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("LICENSE", "README.md"):
            archive.addfile(*entry(name, 0o644, (ROOT / name).read_bytes()))
        for name, data in pages(program.resolve()).items():
            archive.addfile(*entry(name, 0o644, data))
        plugin = ROOT / "release/kubectl_complete-rolebridge"
        archive.addfile(*entry(plugin.name, 0o755, plugin.read_bytes()))
        archive.addfile(*entry(program.name, 0o755, program.read_bytes()))
    out.write_bytes(gzip.compress(raw.getvalue(), 9, mtime=0))


if __name__ == "__main__":
    main()
