#!/usr/bin/env python3
"""Run the commands of a documentation page in a folder, and compare their output with the page.

A comment before a fenced block defines how the block is used. A block without one is ignored.

    <!-- run: NAME -->                  run its commands
    <!-- file: NAME -->                 write it to that file
    <!-- run: NAME, as in PAGE -->      run its commands; the block must equal the one of that name in PAGE

A `text` block directly after a block that is run contains the expected output. Values that differ at each run have a
fixed form in it: times, ages, the random part of a pod's name. --update writes the output into the page.
"""

import argparse
import difflib
import pathlib
import re
import subprocess
import sys

MARK = re.compile(r" *<!-- (?P<kind>run|file): (?P<name>[^ ,]+)(?:, as in (?P<origin>\S+))? -->$")
FENCE = re.compile(r"(?P<indent> *)```(?P<language>\w*)$")
TIMEOUT = 300  # seconds for one block
REPLACEMENTS = [  # applied in this order
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "2026-01-01T09:00:00Z"),
    (r"\b\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", "Thu Jan  1 09:00:00 2026"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d UTC", "2027-01-01 09:00 UTC"),  # a CA is valid for a year
    (r"(serving certificate for \S+ until )2027-01-01", r"\g<1>2026-01-31"),  # 30 days
    (r'"expires_in_seconds":\d+', '"expires_in_seconds":3600'),
    (r"(?m)^Waiting for deployment .*\n", ""),  # printed a varying number of times
    (r"(?m) (\d+m)?\d+s$", " 9s"),
]
POD = re.compile(r"(?<=[a-z])-[0-9a-f]{8,10}-[a-z0-9]{5}\b")
PODS = [f"-6d4b75cb6d-{end}" for end in ("hwx2k", "p8zzq", "v5t7m", "zb4xd", "c9n6s", "jq2fw")]
# The head of a table of pods. Its first column is as wide as the longest name, and names have hashes of different lengths.
POD_TABLE = re.compile(r"(?m)^NAME +(?P<header>READY .*\n)(?P<name>\S+ +)")


class Block:
    """A marked block: the lines of a page from `begin` to `end`, and the range of its output."""

    def __init__(self, lines, at, mark):
        self.kind, self.name, self.origin = mark["kind"], mark["name"], mark["origin"]
        self.indent, self.begin, self.end = fenced(lines, at + 1) or sys.exit(f"run_docs.py: expected a fenced block after: {lines[at]}")
        after = self.end + 1
        while after < len(lines) and not lines[after].strip():
            after += 1
        self.output = fenced(lines, after, "text")

    def text(self, lines):
        return "".join(line[self.indent :] + "\n" for line in lines[self.begin : self.end])


def fenced(lines, at, language=None):
    """Return indentation, first line and end (exclusive) of the fenced block that begins in this line, or None."""
    fence = FENCE.match(lines[at]) if at < len(lines) else None
    if not fence or language not in (None, fence["language"]):
        return None
    return len(fence["indent"]), at + 1, lines.index(fence["indent"] + "```", at + 1)


def blocks(lines):
    return [Block(lines, at, mark) for at, line in enumerate(lines) if (mark := MARK.match(line))]


class Page:
    def __init__(self, options):
        self.path, self.options = options.page, options
        self.lines = self.path.read_text().splitlines()
        self.pods = {}  # random part of each pod's name to its replacement

    def run(self):
        for number in range(len(blocks(self.lines))):
            block = blocks(self.lines)[number]  # parsed again, because an update may have moved it
            if not self.options.only or block.name in self.options.only:
                self.process(block)
        if self.options.update:
            self.path.write_text("\n".join(self.lines) + "\n")

    def process(self, block):
        text = self.text_of_origin(block) if block.origin else block.text(self.lines)
        if block.kind == "file":
            (self.options.folder / block.name).write_text(text)
        else:
            output = self.normalize(run_commands(block.name, text, self.options.folder))
            if block.output:
                self.compare(block.output, output)
        if block.origin:
            self.compare((block.indent, block.begin, block.end), text)

    def compare(self, block_range, text):
        """Compare lines of the page with the text; with --update, replace them."""
        indent, begin, end = block_range
        new = [(" " * indent + line).rstrip() for line in text.splitlines()]
        old = self.lines[begin:end]
        if new != old and not self.options.update:
            sys.exit("\n".join(difflib.unified_diff(old, new, f"{self.path}", "now", lineterm="")))
        self.lines[begin:end] = new

    def text_of_origin(self, block):
        path = self.path.parent / block.origin
        lines = path.read_text().splitlines()
        found = [other for other in blocks(lines) if (other.kind, other.name) == (block.kind, block.name)]
        return found[0].text(lines) if found else sys.exit(f"run_docs.py: {path} has no block {block.kind}: {block.name}")

    def normalize(self, text):
        """Replace values that differ at each run, and values of this cluster."""
        lines = text.splitlines(True)
        text = "".join(line for line in lines if not any(part in line for part in self.options.without))
        for pair in self.options.instead:
            text = text.replace(*pair.split("=", 1))
        for pattern, replacement in REPLACEMENTS:
            text = re.sub(pattern, replacement, text)
        text = POD.sub(lambda pod: self.pods.setdefault(pod[0], PODS[len(self.pods) % len(PODS)]), text)
        return POD_TABLE.sub(lambda table: "NAME".ljust(len(table["name"])) + table["header"] + table["name"], text)


def run_commands(name, text, folder):
    """Run the commands and return their output."""
    print(f"$ {text}", end="", flush=True)
    result = subprocess.run(
        ["bash", "-ec", text],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
    )
    print(result.stdout, end="", flush=True)
    if result.returncode:
        sys.exit(f"run_docs.py: {name} failed with exit code {result.returncode}")
    return result.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path, help="working directory of the commands and folder of the files")
    parser.add_argument("--update", action="store_true", help="write differences into the page instead of failing")
    parser.add_argument("--only", action="append", metavar="NAME", help="process only this block (repeatable)")
    parser.add_argument("--without", action="append", default=[], metavar="TEXT", help="drop output lines that contain TEXT")
    parser.add_argument("--instead", action="append", default=[], metavar="OLD=NEW", help="replace OLD by NEW in the output")
    Page(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
