"""Runs the commands that `rolebridge setup` prints, as printed."""

import dataclasses
import pathlib
import re
import tempfile

from acceptance.console import CommandFailed

ASSIGNMENT = re.compile(r"[A-Z_]+=")
HEREDOC = re.compile(r"<<'?(\w+)'?$")
# What aws and gcloud print for a resource that exists already. `setup` says to skip such a command.
EXISTS = "EntityAlreadyExists|FeatureEnabled|ALREADY_EXISTS|already exists"
# Runs each command in the same shell, because later commands use variables of earlier ones. A change at a cloud takes time
# to reach all its servers, so a command is tried again until the deadline.
HARNESS = r"""
for file in command.*; do
  deadline=$((SECONDS + TIMEOUT))
  until . "./$file" > output 2>&1; do
    grep -qE "$EXISTS" output && break
    [ $SECONDS -lt $deadline ] || { cat "$file" output >&2; exit 1; }
    sleep 3
  done
done
"""


@dataclasses.dataclass(frozen=True)
class Command:
    """A command of the printed script, and the comment above its section."""

    section: str
    text: str


def parse_commands(script):
    """Split a printed script into its commands, without changing them."""
    section, commands, lines, end = "", [], [], None
    for line in script.splitlines():
        if end is None and not lines and (not line or line.startswith("#")):
            section = line.lstrip("# ") or section
            continue
        lines.append(line)
        if end is None and (heredoc := HEREDOC.search(line)):
            end = heredoc[1]
        elif (end is None and not line.endswith("\\")) or line == end:
            commands.append(Command(section, "\n".join(lines) + "\n"))
            lines, end = [], None
    if lines:
        raise ValueError(f"setup: expected the end of this command, found none: {lines[0]}")
    return commands


class Setup:
    """Runs printed commands. A command that has succeeded is not run again: its resource exists."""

    def __init__(self, console, timeout):
        self.console, self.timeout = console, timeout
        self.done = set()

    def run(self, arguments, sections=""):
        """Print the commands with `rolebridge setup`, and run those of the matching sections."""
        commands = parse_commands(self.console.run("rolebridge", "setup", *arguments) + "\n")
        commands = [command for command in commands if re.match(sections, command.section) and command.text not in self.done]
        with tempfile.TemporaryDirectory() as folder:
            for number, command in enumerate(commands):
                pathlib.Path(folder, f"command.{number:02}").write_text(command.text)
                self.console.say("\n".join(f"setup> {line}" for line in command.text.splitlines()))
            environment = [f"EXISTS={EXISTS}", f"TIMEOUT={self.timeout}"]
            result = self.console.try_run("env", *environment, "bash", "-c", HARNESS, folder=folder)
        if result.returncode:
            raise CommandFailed(f"a command of rolebridge setup failed: {self.console.hide(result.stderr.strip())}")
        # Later commands need the variables again.
        self.done |= {command.text for command in commands if not ASSIGNMENT.match(command.text)}
