#!/usr/bin/env python3
"""Write a reproducible archive with a program and the license.

    tarball.py PROGRAM ARCHIVE.tar.gz   file dates are SOURCE_DATE_EPOCH (seconds, 0 if unset)
"""

import gzip
import io
import os
import pathlib
import sys
import tarfile

ROOT = pathlib.Path(__file__).parent.parent
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))


def entry(name, mode, data):
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), mode, EPOCH
    return info, io.BytesIO(data)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program, out = map(pathlib.Path, sys.argv[1:])
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(*entry("LICENSE", 0o644, (ROOT / "LICENSE").read_bytes()))
        archive.addfile(*entry(program.name, 0o755, program.read_bytes()))
    out.write_bytes(gzip.compress(raw.getvalue(), 9, mtime=0))


if __name__ == "__main__":
    main()
