#!/usr/bin/env python3
"""Read and write CHANGELOG.md, which has the format of Keep a Changelog.

    changelog.py VERSION   print the section of a version, without its heading, as release notes
"""

import datetime
import pathlib
import re
import sys

PATH = pathlib.Path(__file__).parent.parent / "CHANGELOG.md"
UNRELEASED = "## [Unreleased]\n"
HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\] - (?P<date>\d{4}-\d{2}-\d{2})$", re.M)


def newest(text):
    """Return the latest released version, or None before the first release."""
    found = HEADING.search(text)
    return found and found["version"]


def release(text, version, date):
    """Return the changelog with the unreleased changes under the heading of a version."""
    try:
        datetime.date.fromisoformat(date)
    except ValueError:
        sys.exit(f"changelog.py: expected a date such as 2030-12-31, found {date!r}")
    if any(found["version"] == version for found in HEADING.finditer(text)):
        sys.exit(f"changelog.py: CHANGELOG.md already has a section of {version}")
    before, mark, after = text.partition(UNRELEASED)
    if not mark:
        sys.exit(f"changelog.py: CHANGELOG.md has no heading {UNRELEASED.strip()!r}")
    if not re.search(r"^- ", after.split("\n## ")[0], re.M):
        sys.exit(f"changelog.py: CHANGELOG.md has no unreleased changes for {version}")
    return f"{before}{UNRELEASED}\n## [{version}] - {date}\n{after}"


def section(text, version):
    """Return the changes of a version."""
    for found in HEADING.finditer(text):
        if found["version"] == version:
            return text[found.end():].split("\n## ")[0].strip() + "\n"
    sys.exit(f"changelog.py: CHANGELOG.md has no section of {version}. Fix: run `make version`.")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.stdout.write(section(PATH.read_text(), sys.argv[1]))


if __name__ == "__main__":
    main()
