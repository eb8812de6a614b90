#!/usr/bin/env python3
"""Write a reproducible OCI image archive from files on disk, without a container engine.

The same files give the same bytes and the same digest on every machine: entries are sorted, owned by root and dated
SOURCE_DATE_EPOCH (seconds, 0 if unset).

DST=SRC adds a file, or a folder with its content; symbolic links are followed. ARCH:DST=SRC adds it for one architecture
only. An archive for several architectures has one index, from which a registry or a node selects.

`ctr images import`, `docker load`, `podman load`, `skopeo copy oci-archive:…` and `crane push` accept the archive.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
from datetime import datetime, timezone

EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
MEDIA_TYPE_PREFIX = "application/vnd.oci.image."
ARCHITECTURES = {"amd64", "arm64"}


def add(archive, name, data, mode=0o644, kind=tarfile.REGTYPE):
    """Append one entry, without metadata of the machine or the build time."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.type, info.mtime = len(data), mode, kind, EPOCH
    archive.addfile(info, io.BytesIO(data))


def expand(destination, source):
    """Yield the destination and the source of each file of a pair."""
    if not os.path.isdir(source):
        yield destination, source
        return
    for folder, _, names in os.walk(source, followlinks=True):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield os.path.join(destination, os.path.relpath(path, source)), path


def layer_of(pairs):
    """Return the image's only layer, an uncompressed tar. Folders precede their files; /tmp always exists."""
    files = sorted({d: s for pair in pairs for d, s in expand(*pair)}.items())
    folders = {"tmp"}
    for destination, _ in files:
        parent = os.path.dirname(destination.lstrip("/"))
        while parent:
            folders.add(parent)
            parent = os.path.dirname(parent)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as layer:
        for folder in sorted(folders):
            add(layer, folder, b"", 0o1777 if folder == "tmp" else 0o755, tarfile.DIRTYPE)
        for destination, source in files:
            with open(source, "rb") as file:
                add(layer, destination.lstrip("/"), file.read(), 0o755 if os.access(source, os.X_OK) else 0o644)
    return raw.getvalue()


class Blobs(dict):
    """Blobs of an archive by digest."""

    def add(self, kind, data, **fields):
        digest = hashlib.sha256(data).hexdigest()
        self[digest] = data
        return {"mediaType": MEDIA_TYPE_PREFIX + kind, "digest": "sha256:" + digest, "size": len(data)} | fields

    def add_json(self, kind, document, **fields):
        return self.add(kind, json.dumps(document, sort_keys=True).encode(), **fields)


def image(blobs, architecture, pairs, options):
    """Add the manifest of one architecture and return its descriptor."""
    layer = layer_of(pairs)
    created = datetime.fromtimestamp(EPOCH, timezone.utc).isoformat().replace("+00:00", "Z")
    platform = {"architecture": architecture, "os": "linux"}
    config = {
        **platform,
        "created": created,
        "config": {
            "Entrypoint": options.entrypoint,
            "User": options.user,
            "WorkingDir": "/",
            "Env": options.env,
            "Labels": dict(label.split("=", 1) for label in options.label),
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        "history": [{"created": created, "created_by": "images/archive.py"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPE_PREFIX + "manifest.v1+json",
        "config": blobs.add_json("config.v1+json", config),
        "layers": [blobs.add("layer.v1.tar+gzip", gzip.compress(layer, options.level, mtime=0))],
    }
    return blobs.add_json("manifest.v1+json", manifest, platform=platform)


def by_architecture(files):
    """Group `[ARCH:]DST=SRC` arguments by architecture, as lists of pairs."""
    images = {}
    for argument in files:
        destination, source = argument.split("=", 1)
        architecture, colon, rest = destination.partition(":")
        if colon and architecture in ARCHITECTURES:
            destination = rest
        else:
            architecture = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        images.setdefault(architecture, []).append((destination, source))
    return sorted(images.items())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="name and tag of the image, for example localhost/app:1")
    parser.add_argument("archive", help="path of the archive")
    parser.add_argument("files", nargs="+", metavar="[ARCH:]DST=SRC")
    parser.add_argument("--user", default="65532:65532", help="UID:GID (default: %(default)s)")
    parser.add_argument("--entrypoint", action="append", required=True, help="one element of the entry point (repeatable)")
    parser.add_argument("--env", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--level", type=int, default=9, help="compression level, 1 (fast) to 9 (small) (default: %(default)s)")
    return parser.parse_args()


def main():
    options = arguments()
    blobs = Blobs()
    manifests = [image(blobs, architecture, pairs, options) for architecture, pairs in by_architecture(options.files)]
    names = {"io.containerd.image.name": options.name, "org.opencontainers.image.ref.name": options.name}
    index = {"schemaVersion": 2, "mediaType": MEDIA_TYPE_PREFIX + "index.v1+json", "manifests": manifests}
    entry = blobs.add_json("index.v1+json", index, annotations=names)
    with tarfile.open(options.archive + ".new", "w") as archive:
        add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        add(archive, "index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}, sort_keys=True).encode())
        for digest in sorted(blobs):
            add(archive, "blobs/sha256/" + digest, blobs[digest])
    os.replace(options.archive + ".new", options.archive)
    size = sum(len(data) for data in blobs.values())
    print(f"{options.name} {entry['digest']} {size / 1e6:.1f} MB {'+'.join(a for a, _ in by_architecture(options.files))}")


if __name__ == "__main__":
    sys.exit(main())
