"""Output for people, and commands. No secret passes through it."""

import dataclasses
import os
import re
import shlex
import signal
import subprocess
import sys

# The forms of the secrets of both clouds, for text of programs that hold secrets of their own.
PATTERNS = [
    re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"),  # JSON web tokens
    re.compile(r"ya29\.[\w.-]+"),  # Google's access tokens
    re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"Signature=\w+"),
    re.compile(r"(?<=Bearer )\S+"),
]
HIDDEN = "[hidden]"


class CommandFailed(Exception):
    """A command that failed, with what it printed."""


@dataclasses.dataclass
class Console:
    """Prints text and runs commands."""

    environment: dict
    names: dict = dataclasses.field(default_factory=dict)
    """Names of accounts and projects, and what replaces them in the report."""
    secrets: set = dataclasses.field(default_factory=set)

    def add_secret(self, secret):
        """Hide a secret from now on, and return it."""
        self.secrets.add(secret)
        return secret

    def hide(self, text):
        """Return the text without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        for pattern in PATTERNS:
            text = pattern.sub(HIDDEN, text)
        return text

    def for_report(self, text):
        """Return the text without secrets and without the names of accounts and projects."""
        text = self.hide(text)
        for name, replacement in sorted(self.names.items(), key=lambda item: -len(item[0])):
            text = text.replace(name, replacement)
        return text

    def say(self, text):
        """Print a line to standard error."""
        print(self.hide(text), file=sys.stderr, flush=True)

    def try_run(self, *command, stdin=None, folder=None):
        """Run a command, and return the completed process."""
        command = [str(word) for word in command]
        self.say("$ " + shlex.join(command))
        pipe = subprocess.PIPE
        # A session of its own: an interrupt from the keyboard reaches this program alone.
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder, env=self.environment, text=True, start_new_session=True
        ) as process:
            try:
                output, errors = process.communicate(stdin or "")
            except BaseException:
                # Its children too, because they would go on to make what is removed next.
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def run(self, *command, **options):
        """Run a command, and return what it printed. Raise CommandFailed if it fails."""
        result = self.try_run(*command, **options)
        if result.returncode:
            text = self.hide((result.stderr or result.stdout).strip())
            raise CommandFailed(f"{shlex.join(map(str, command[:4]))} …: {text}")
        return result.stdout.strip()
