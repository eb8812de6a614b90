#!/usr/bin/env python3
"""Run the commands of a page in a folder, and compare what they print with what the page says.

A comment before a fenced block says what is done with it; without one it is only read:

    <!-- run: NAME -->                  its commands are run
    <!-- file: NAME -->                 it becomes that file
    <!-- run: NAME, as in PAGE -->      so that another page's block stands here too: they must be equal

A block of `text` right after one that is run is what its commands print. What is another at each run is put into a
usual form there: times, ages, the random part of a pod's name. With --update all that is made is written into the page.
"""

import argparse
import difflib
import pathlib
import re
import subprocess
import sys

MARK = re.compile(r" *<!-- (?P<kind>run|file): (?P<name>[^ ,]+)(?:, as in (?P<origin>\S+))? -->$")
FENCE = re.compile(r"(?P<indent> *)```(?P<language>\w*)$")
LONGEST = 120  # seconds for one block
USUAL = [  # in this order
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "2026-01-01T09:00:00Z"),
    (r"\b\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", "Thu Jan  1 09:00:00 2026"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d UTC", "2027-01-01 09:00 UTC"),
    (r'"expires_in_seconds":\d+', '"expires_in_seconds":3600'),
    (r"(?m)^Waiting for deployment .*\n", ""),  # as often as it takes
    (r"(?m) (\d+m)?\d+s$", " 9s"),
]
POD = re.compile(r"(?<=[a-z])-[0-9a-f]{8,10}-[a-z0-9]{5}\b")
PODS = [f"-6d4b75cb6d-{end}" for end in ("hwx2k", "p8zzq", "v5t7m", "zb4xd", "c9n6s", "jq2fw")]


class Block:
    """A marked block: the lines of a page from `begin` to `end`, and those of its output."""

    def __init__(self, lines, at, mark):
        self.kind, self.name, self.origin = mark["kind"], mark["name"], mark["origin"]
        self.indent, self.begin, self.end = fenced(lines, at + 1) or sys.exit(f"page.py: no block after: {lines[at]}")
        after = self.end + 1
        while after < len(lines) and not lines[after].strip():
            after += 1
        self.output = fenced(lines, after, "text")

    def text(self, lines):
        return "".join(line[self.indent :] + "\n" for line in lines[self.begin : self.end])


def fenced(lines, at, language=None):
    """The block that begins in this line: its indentation, its first line, and the one after its last."""
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
        self.pods = {}  # the random part of each one's name, and what stands for it

    def run(self):
        for number in range(len(blocks(self.lines))):
            block = blocks(self.lines)[number]  # what was written before may have moved it
            if not self.options.only or block.name in self.options.only:
                self.do(block)
        if self.options.update:
            self.path.write_text("\n".join(self.lines) + "\n")

    def do(self, block):
        text = self.of_other(block) if block.origin else block.text(self.lines)
        if block.kind == "file":
            (self.options.folder / block.name).write_text(text)
        else:
            printed = self.usual(command(block.name, text, self.options.folder))
            if block.output:
                self.write(block.output, printed)
        if block.origin:
            self.write((block.indent, block.begin, block.end), text)

    def write(self, place, text):
        indent, begin, end = place
        new = [(" " * indent + line).rstrip() for line in text.splitlines()]
        old = self.lines[begin:end]
        if new != old and not self.options.update:
            sys.exit("\n".join(difflib.unified_diff(old, new, f"{self.path}", "now", lineterm="")))
        self.lines[begin:end] = new

    def of_other(self, block):
        path = self.path.parent / block.origin
        lines = path.read_text().splitlines()
        found = [other for other in blocks(lines) if (other.kind, other.name) == (block.kind, block.name)]
        return found[0].text(lines) if found else sys.exit(f"page.py: {path} has no block {block.kind}: {block.name}")

    def usual(self, text):
        """An output without what is another at each run, or in this cluster alone."""
        lines = text.splitlines(True)
        text = "".join(line for line in lines if not any(part in line for part in self.options.without))
        for pair in self.options.instead:
            text = text.replace(*pair.split("=", 1))
        for pattern, form in USUAL:
            text = re.sub(pattern, form, text)
        return POD.sub(lambda pod: self.pods.setdefault(pod[0], PODS[len(self.pods) % len(PODS)]), text)


def command(name, text, folder):
    """What it printed."""
    print(f"$ {text}", end="", flush=True)
    ran = subprocess.run(
        ["bash", "-ec", text],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
    )
    print(ran.stdout, end="", flush=True)
    if ran.returncode:
        sys.exit(f"page.py: {name} ended with {ran.returncode}")
    return ran.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path, help="where the commands are run and the files are written")
    parser.add_argument("--update", action="store_true", help="write what differs into the page")
    parser.add_argument("--only", action="append", metavar="NAME", help="no other blocks")
    parser.add_argument("--without", action="append", default=[], metavar="TEXT", help="leave out an output's lines with it")
    parser.add_argument("--instead", action="append", default=[], metavar="OLD=NEW", help="replace it in outputs")
    Page(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
