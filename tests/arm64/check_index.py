#!/usr/bin/env python3
"""check_index.py ARCHIVE...: check that the images of an OCI archive contain programs of the architectures that they name.

Each index must name amd64 and arm64. The configuration of each image must name the same architecture, and its entry point
must be one static program for it.
"""

import gzip
import hashlib
import io
import json
import struct
import sys
import tarfile

# e_machine of the ELF header.
MACHINES = {62: "amd64", 183: "arm64"}
# p_type of a program header that names a dynamic loader.
INTERPRETER = 3


def machine_of(program):
    """Return the architecture of a static 64-bit ELF program."""
    assert program[:6] == b"\x7fELF\x02\x01", f"expected a 64-bit ELF program, found {program[:6]!r}"
    (headers,), (size, count) = struct.unpack_from("<Q", program, 32), struct.unpack_from("<HH", program, 54)
    types = [struct.unpack_from("<I", program, headers + index * size)[0] for index in range(count)]
    assert INTERPRETER not in types, "expected a static program, found one with a dynamic loader"
    return MACHINES[struct.unpack_from("<H", program, 18)[0]]


def check(path):
    """Check an archive, and print a line for each image."""
    with tarfile.open(path) as archive:
        def read(name):
            return archive.extractfile(name).read()

        def blob(descriptor):
            data = read("blobs/" + descriptor["digest"].replace(":", "/"))
            assert "sha256:" + hashlib.sha256(data).hexdigest() == descriptor["digest"], descriptor
            assert len(data) == descriptor["size"], descriptor
            return data

        [index] = json.loads(read("index.json"))["manifests"]
        found = []
        for descriptor in json.loads(blob(index))["manifests"]:
            named = descriptor["platform"]["architecture"]
            manifest = json.loads(blob(descriptor))
            config = json.loads(blob(manifest["config"]))
            assert config["architecture"] == named, f"{named}: its configuration says {config['architecture']}"
            layer = gzip.decompress(blob(manifest["layers"][0]))
            [entry] = config["config"]["Entrypoint"]
            with tarfile.open(fileobj=io.BytesIO(layer)) as files:
                program = files.extractfile(entry.lstrip("/")).read()
            machine = machine_of(program)
            assert machine == named, f"{named}: the program {entry} is for {machine}"
            found.append(named)
            print(f"{path}: {named}: {entry}, {len(program)} bytes, static")
        assert sorted(found) == ["amd64", "arm64"], f"{path}: expected amd64 and arm64, found {found}"


if len(sys.argv) < 2:
    sys.exit(__doc__)
for archive_path in sys.argv[1:]:
    check(archive_path)
