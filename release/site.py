#!/usr/bin/env python3
"""Add the documentation of a version to a site with a folder for each version.

    site.py BOOK SITE VERSION

The folder `latest` is a copy of the newest version, which is a release before it is a pre-release. SITE/index.html leads to it
and lists all versions.
"""

import html
import pathlib
import re
import shutil
import sys

VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$")
INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="0; url=latest/">
<title>Rolebridge</title>
</head>
<body>
<h1>Rolebridge</h1>
<p><a href="latest/">The documentation of the latest version</a></p>
<ul>
{items}
</ul>
</body>
</html>
"""


def order(version):
    """Return the key by which versions are sorted: releases after all pre-releases, and then by number."""
    *numbers, pre = VERSION.match(version).groups()
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in (pre or "").split(".")]
    return (pre is None, [int(number) for number in numbers], parts)


def replace(source, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def main():
    if len(sys.argv) != 4 or not VERSION.match(sys.argv[3]):
        sys.exit(__doc__)
    book, site, version = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    if not (book / "index.html").is_file():
        sys.exit(f"site.py: expected a book in {book}, found no index.html. Fix: make book.")
    site.mkdir(parents=True, exist_ok=True)
    replace(book, site / version)
    versions = sorted((path.name for path in site.iterdir() if VERSION.match(path.name)), key=order, reverse=True)
    replace(site / versions[0], site / "latest")
    items = [f'<li><a href="{html.escape(name)}/">{html.escape(name)}</a></li>' for name in versions]
    (site / "index.html").write_text(INDEX.format(items="\n".join(items)))
    (site / ".nojekyll").touch()


if __name__ == "__main__":
    main()
