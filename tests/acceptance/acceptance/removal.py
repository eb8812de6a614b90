"""Removes what a run has made, in reverse order, also after a failure or an interrupt."""

import re
import shlex

# What aws, gcloud and kubectl print for a resource that is gone.
GONE = re.compile(r"NoSuchEntity|NOT_FOUND|NotFound|ResourceNotFoundException|FeatureDisabled|does not exist", re.IGNORECASE)


class Removals:
    """The commands that remove resources. Each one is added before its resource is made."""

    def __init__(self, console):
        self.console = console
        self.commands = []

    def add(self, *command):
        """Add a command to be run at the end."""
        if command not in self.commands:
            self.commands.append(command)

    def run(self):
        """Run the commands, and return those that failed, for people to run."""
        failed = []
        while self.commands:
            command = self.commands.pop()
            result = self.console.try_run(*command)
            if result.returncode and not GONE.search(result.stderr + result.stdout):
                self.console.say(result.stderr.strip())
                failed.append(shlex.join(command))
        return failed
