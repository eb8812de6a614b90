#!/usr/bin/env python3
"""Write an OCI image archive from files on disk, without a container engine and reproducibly.

The same files give the same bytes, and so the same digest, whoever builds them, wherever and whenever: entries are
sorted, owned by root and dated SOURCE_DATE_EPOCH (seconds, 0 if unset).

A file is DST=SRC, a folder likewise with all that lies in it; links are followed. ARCH:DST=SRC belongs to one
architecture: archives with several carry one index that a registry or a node picks from.

`ctr images import`, `docker load`, `podman load`, `skopeo copy oci-archive:…` and `crane push` take the result.
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
MEDIA = "application/vnd.oci.image."
ARCHITECTURES = {"amd64", "arm64"}


def add(archive, name, data, mode=0o644, kind=tarfile.REGTYPE):
    """Append one entry, with nothing in it that the machine or the hour decides."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.type, info.mtime = len(data), mode, kind, EPOCH
    archive.addfile(info, io.BytesIO(data))


def expand(destination, source):
    """The files of a pair, each with where it goes."""
    if not os.path.isdir(source):
        yield destination, source
        return
    for folder, _, names in os.walk(source, followlinks=True):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield os.path.join(destination, os.path.relpath(path, source)), path


def layer_of(pairs):
    """The one layer: an uncompressed tar. Folders come before what lies in them; /tmp is there for those who need it."""
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
    """What an archive holds, by digest."""

    def keep(self, kind, data, **more):
        digest = hashlib.sha256(data).hexdigest()
        self[digest] = data
        return {"mediaType": MEDIA + kind, "digest": "sha256:" + digest, "size": len(data)} | more

    def keep_json(self, kind, document, **more):
        return self.keep(kind, json.dumps(document, sort_keys=True).encode(), **more)


def image(blobs, architecture, pairs, options):
    """One architecture's manifest."""
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
        "mediaType": MEDIA + "manifest.v1+json",
        "config": blobs.keep_json("config.v1+json", config),
        "layers": [blobs.keep("layer.v1.tar+gzip", gzip.compress(layer, options.level, mtime=0))],
    }
    return blobs.keep_json("manifest.v1+json", manifest, platform=platform)


def by_architecture(files):
    """`[ARCH:]DST=SRC` words as lists of pairs."""
    images = {}
    for word in files:
        destination, source = word.split("=", 1)
        architecture, colon, rest = destination.partition(":")
        if colon and architecture in ARCHITECTURES:
            destination = rest
        else:
            architecture = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        images.setdefault(architecture, []).append((destination, source))
    return sorted(images.items())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the image's name and tag, such as localhost/app:1")
    parser.add_argument("archive", help="where to write it")
    parser.add_argument("files", nargs="+", metavar="[ARCH:]DST=SRC")
    parser.add_argument("--user", default="65532:65532", help="UID:GID (default: %(default)s)")
    parser.add_argument("--entrypoint", action="append", required=True, help="once for each word")
    parser.add_argument("--env", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--level", type=int, default=9, help="of compression: 1 is quick, 9 small (default: %(default)s)")
    return parser.parse_args()


def main():
    options = arguments()
    blobs = Blobs()
    manifests = [image(blobs, architecture, pairs, options) for architecture, pairs in by_architecture(options.files)]
    names = {"io.containerd.image.name": options.name, "org.opencontainers.image.ref.name": options.name}
    index = {"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json", "manifests": manifests}
    entry = blobs.keep_json("index.v1+json", index, annotations=names)
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
