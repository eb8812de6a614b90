#!/usr/bin/env python3
"""Write the table of values in rolebridge/README.md from the comments in rolebridge/values.yaml.

    readme.py           write it
    readme.py --check   compare, and fail if the file would change

A comment that begins with `# -- ` documents the key below it. A value that nobody documents is an error. Only the
standard library is used: the reader understands the YAML that values.yaml is written in, and nothing more.
"""

import json
import pathlib
import sys

CHART = pathlib.Path(__file__).parent / "rolebridge"
BEGIN = "<!-- values: made from values.yaml by scripts/chart_readme.py -->\n"
END = "<!-- end of values -->\n"


def indent_of(line):
    return len(line) - len(line.lstrip())


def scalar(text):
    """A flow value or a plain scalar, as Python has it."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    if text.startswith("["):
        return [scalar(item.strip()) for item in text[1:-1].split(",") if item.strip()]
    return text


def block(lines):
    """What the lines below a key say: a list, or a map."""
    first = indent_of(lines[0])
    heads = [n for n, line in enumerate(lines) if indent_of(line) == first] + [len(lines)]
    parts = [lines[a:b] for a, b in zip(heads, heads[1:])]
    if not lines[0].lstrip().startswith("- "):
        return dict(entry(part) for part in parts)
    items = []
    for part in parts:
        part = [part[0].replace("- ", "  ", 1), *part[1:]]
        items.append(block(part) if ": " in part[0] else scalar(part[0].strip()))
    return items


def entry(lines):
    key, _, value = lines[0].strip().partition(":")
    return key, scalar(value.strip()) if value.strip() else block(lines[1:])


def values(text):
    """Each documented value: (dotted name, default, meaning)."""
    lines, path, doc = text.splitlines(), [], None
    n = 0
    while n < len(lines):
        line, n = lines[n], n + 1
        bare = line.strip()
        if bare.startswith("# -- "):
            doc = bare[5:]
        elif bare.startswith("#"):
            doc = f"{doc} {bare[1:].strip()}" if doc else None
        elif not bare:
            doc = None
        else:
            depth = indent_of(line)
            path = [part for part in path if part[0] < depth] + [(depth, bare.partition(":")[0])]
            name = ".".join(key for _, key in path)
            end = n
            while end < len(lines) and (not lines[end].strip() or indent_of(lines[end]) > depth):
                end += 1
            below = [below for below in lines[n:end] if below.strip()]
            if doc:
                yield name, entry([line, *below])[1], doc
                n, doc = end, None
            elif not below:
                sys.exit(f"values.yaml, line {n}: nothing says what {name} means; write it above, after `# -- `")


def table(text):
    rows = ["| value | meaning | default |", "| --- | --- | --- |"]
    for name, default, meaning in values(text):
        cell = meaning.replace("|", "\\|")
        rows.append(f"| `{name}` | {cell} | `{json.dumps(default, ensure_ascii=False)}` |")
    return "\n".join(rows) + "\n"


def main():
    path = CHART / "README.md"
    old = path.read_text()
    head, rest = old.split(BEGIN)
    new = head + BEGIN + table((CHART / "values.yaml").read_text()) + END + rest.split(END)[1]
    if "--check" in sys.argv[1:]:
        if new != old:
            sys.exit("charts/rolebridge/README.md is not what values.yaml says: run scripts/chart_readme.py")
        return
    path.write_text(new)


if __name__ == "__main__":
    main()
