#!/usr/bin/env python3
"""Render the terminal output of a program as an SVG that is legible on light and dark pages.

    screenshots.py [OPTIONS] PICTURE COMMAND...      run the command on a terminal
    screenshots.py [OPTIONS] --text FILE PICTURE     use a test's snapshot with colors

Values that vary between runs (times, ports, keys) become an ellipsis, so that --check can compare.
"""

import argparse
import io
import os
import pathlib
import pty
import re
import subprocess
import sys

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ANSI = re.compile(r"\x1b\[[\d;]*m")
VARYING = [  # pattern, replacement
    (r"\x1b\[2m *\d+\.\d\d s\x1b\[0m", " " * 8),
    (r"(?<![\d.])\d+(\.\d+)? ms\b", "… ms"),
    (r"(127\.0\.0\.1):\d+", r"\1:…"),
    (r'(PORT, value: )"\d+"', r'\1"…"'),
    (r"/tmp/rolebridge-pod-\w+", "/tmp/rolebridge-pod-…"),
    (r"\d{4}-\d\d-\d\dT[\d:]+Z", "…"),
    (r"\d{8}T\d{6}Z", "…"),
    (r"ASIA[A-Z2-7]{16}\b", "ASIA…"),
    (r"(?<!\d)\d+ bytes\b", "… bytes"),
    (r"(read the table) \d+ (times)", r"\1 … \2"),
    (r'"version":"[^"]*"', '"version":"…"'),
    (r"Done in [\d.]+ s\b", "Done in … s"),
]
MAX_ADDED_LINES = 3  # consecutive additions of a diff
THEME = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [(72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34), (88, 166, 255), (188, 140, 255), (57, 197, 207), (177, 186, 196)],
)
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def run_on_terminal(command, width):
    """Returns what the command writes to a terminal."""
    controller, terminal = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(width), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    written = io.BytesIO()
    while True:
        try:
            chunk = os.read(controller, 1 << 16)
        except OSError:  # EIO: every writer has closed the terminal
            break
        if not chunk:
            break
        written.write(chunk)
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
    if program.wait() != 0:
        sys.exit(f"screenshots.py: {' '.join(command)} exited with {program.returncode}")
    return f"$ {' '.join(command).replace(' -q ', ' ')}\n" + written.getvalue().decode().replace("\r\n", "\n")


def read_snapshot(path):
    """Returns the text of a snapshot without its header and its exit code."""
    return re.sub(r"\n\[\d+\]\n?$", "\n", path.read_text().split("\n---\n", 1)[1])


def shorten_additions(lines):
    """Yields the lines, with each long run of added lines cut and the rest counted."""
    run = []
    for line in [*lines, ""]:
        if re.match(r" +\+ ", ANSI.sub("", line)):
            run.append(line)
            continue
        yield from run[:MAX_ADDED_LINES]
        if len(run) > MAX_ADDED_LINES:
            yield f"\x1b[2m{' ' * 13}  ⋮ {len(run) - MAX_ADDED_LINES} more\x1b[0m"
        run = []
        yield line


def wrap(line, width):
    """Yields the line in parts of at most the width, indented to the start of its text: after a colored name, if any."""
    text = Text.from_ansi(line)
    start = re.match(r" *([+-] )? *", text.plain).end()
    if text.spans and text.spans[0].end < len(text):
        start = max(start, text.spans[0].end)
    head, tail = text[:start], text[start:]
    for part in tail.wrap(Console(width=width), width - start, overflow="fold") or [Text()]:
        part.rstrip()
        yield head + part
        head = Text(" " * start)


def render_svg(text, name, width):
    for pattern, replacement in VARYING:
        text = re.sub(pattern, replacement, text)
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in shorten_additions(text.rstrip().splitlines()):
        for part in wrap(line, width):
            console.print(part, no_wrap=True, crop=False, highlight=False)
    svg = console.export_svg(title=name, theme=THEME, code_format=SVG, unique_id=name)
    return "".join(line.rstrip() + "\n" for line in svg.splitlines())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, and fail if the picture would change")
    parser.add_argument("--text", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--width", type=int, default=100, metavar="COLUMNS")
    parser.add_argument("picture", type=pathlib.Path)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    text = read_snapshot(options.text) if options.text else run_on_terminal(options.command, options.width)
    new = render_svg(text, options.picture.stem, options.width)
    if not options.check:
        options.picture.write_text(new)
    elif new != options.picture.read_text():
        sys.exit(f"outdated: {options.picture}. Fix: run docs/screenshots.")


if __name__ == "__main__":
    main()
