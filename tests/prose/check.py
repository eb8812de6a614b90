#!/usr/bin/env python3
"""Check the project's language with Vale: the word list, the length of sentences, the beginnings of doc comments.

    check.py VALE

Words are checked in every text file of the project, names and messages included. Sentences are checked in Markdown and
in the comments of Rust files, which Vale reads as Markdown: so code in backticks does not count.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
MAX_LONG_SENTENCES = 0  # Lower it when fewer are left, never raise it.
TEXT = re.compile(r"\.(rs|md|ya?ml|tpl|txt|toml|sh|py|snap|jsonl)$|/[^./]+$|^[A-Z][^./]*$")
OTHERS = re.compile(r"^(LICENSE$|tests/prose/|docs/clients\.md$)|go\.(mod|sum)$|(^|/)(Cargo\.lock|requirements\.txt)$")
COMMENT = re.compile(r"^\s*//([/!]?)( .*)?$")
CLAUSE = re.compile(r"\s*(What|Whether|Where|How|It|Its|As|Who|Whom)\b")


def comments(path):
    """A Rust file's comments at their lines, and the lines of doc comments that begin with a clause."""
    lines, clauses, previous = [], [], None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        kind, text = match.groups("") if (match := COMMENT.match(line)) else (None, "")
        if kind and kind != previous and CLAUSE.match(text):
            clauses.append(number)
        lines.append(text.removeprefix(" "))
        previous = kind
    return "\n".join(lines), clauses


def main():
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    names = [name for name in names if TEXT.search(name) and not OTHERS.search(name) and (ROOT / name).is_file()]
    quotations = [line for line in (HERE / "quotations.txt").read_text().splitlines() if not line.startswith("#")]
    errors, long_sentences = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            copy = pathlib.Path(folder, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = (ROOT / name).read_text(errors="replace")
            lines = ["" if any(quotation in line for quotation in quotations) else line for line in text.splitlines()]
            pathlib.Path(f"{copy}.txt").write_text("\n".join(lines))
            if name.endswith(".md"):
                copy.write_text(text)
            if name.endswith(".rs"):
                text, clauses = comments(ROOT / name)
                pathlib.Path(f"{copy}.md").write_text(text)
                errors += [f"{name}:{line}: a doc comment begins with the thing or the deed" for line in clauses]
        command = [sys.argv[1], "--config", HERE / "vale.ini", "--output", "JSON", "--no-exit", folder]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for path, alerts in sorted(found.items()):
            name = re.sub(r"(?<=\.rs)\.md$|\.txt$", "", str(pathlib.Path(path).relative_to(folder)))
            for alert in alerts:
                is_word = alert["Check"] == "Rolebridge.Words"
                if is_word and not path.endswith(".txt"):
                    continue  # The copy as text has it too.
                line = f"{name}:{alert['Line']}: {alert['Message']}"
                (errors if is_word else long_sentences).append(line)
    print(*errors, sep="\n")
    if len(long_sentences) > MAX_LONG_SENTENCES:
        print(*long_sentences, sep="\n")
    print(f"{len(names)} files: {len(errors)} errors; {len(long_sentences)} sentences of over 30 words, at most {MAX_LONG_SENTENCES}")
    return bool(errors) or len(long_sentences) > MAX_LONG_SENTENCES


if __name__ == "__main__":
    sys.exit(main())
