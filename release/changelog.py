#!/usr/bin/env python3
"""Read and write CHANGELOG.md, which is in the form of Keep a Changelog.

    changelog.py VERSION   print the section of a version, without its heading: the text of a release
"""

import datetime
import pathlib
import re
import sys

PATH = pathlib.Path(__file__).parent.parent / "CHANGELOG.md"
UNRELEASED = "## [Unreleased]\n"
HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\] - (?P<date>\d{4}-\d{2}-\d{2})$", re.M)


def newest(text):
    """The version that was released last; None before the first."""
    found = HEADING.search(text)
    return found and found["version"]


def release(text, version, date):
    """The changelog with what is unreleased under a heading of its own."""
    try:
        datetime.date.fromisoformat(date)
    except ValueError:
        sys.exit(f"changelog.py: {date!r} is no date such as 2030-12-31")
    if any(found["version"] == version for found in HEADING.finditer(text)):
        sys.exit(f"changelog.py: CHANGELOG.md has a section of {version} already")
    before, mark, after = text.partition(UNRELEASED)
    if not mark:
        sys.exit(f"changelog.py: CHANGELOG.md has no heading {UNRELEASED.strip()!r}")
    if not re.search(r"^- ", after.split("\n## ")[0], re.M):
        sys.exit(f"changelog.py: nothing is unreleased: what would {version} be?")
    return f"{before}{UNRELEASED}\n## [{version}] - {date}\n{after}"


def section(text, version):
    """What a version changed."""
    for found in HEADING.finditer(text):
        if found["version"] == version:
            return text[found.end():].split("\n## ")[0].strip() + "\n"
    sys.exit(f"changelog.py: CHANGELOG.md has no section of {version}; `make version` writes one")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.stdout.write(section(PATH.read_text(), sys.argv[1]))


if __name__ == "__main__":
    main()
