"""Pods of the cluster, and `rolebridge doctor` on them."""

import json
import time

PAUSE = 2  # seconds between two attempts


class Cluster:
    """The cluster of the kubeconfig."""

    def __init__(self, console, timeout):
        self.console, self.timeout = console, timeout

    def issuer(self):
        """Return the issuer of the cluster's tokens."""
        return json.loads(self.console.run("kubectl", "get", "--raw", "/.well-known/openid-configuration"))["issuer"]

    def apply(self, *objects):
        """Apply objects."""
        documents = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.console.run("kubectl", "apply", "--filename", "-", stdin=documents)

    def token(self, namespace, account, audience="sts.amazonaws.com"):
        """Return a token of a service account."""
        command = ["kubectl", "--namespace", namespace, "create", "token", account, "--audience", audience, "--duration", "10m"]
        return self.console.add_secret(self.console.run(*command))

    def get(self, *arguments):
        """Return an object."""
        return json.loads(self.console.run("kubectl", "get", *arguments, "--output", "json"))

    def doctor(self, namespace, pod, accept):
        """Diagnose a pod until `accept` returns true for the diagnosis, or until the timeout. Return the last diagnosis.

        A new pod takes time to start, and a change at a cloud takes time to reach all its servers.
        """
        deadline = time.monotonic() + self.timeout
        while True:
            result = self.console.try_run("rolebridge", "doctor", pod, "--namespace", namespace, "--output", "json")
            diagnosis = Diagnosis(result.stdout, result.stderr)
            if accept(diagnosis) or time.monotonic() > deadline:
                return diagnosis
            time.sleep(PAUSE)


class Diagnosis:
    """The steps that `rolebridge doctor` has found."""

    def __init__(self, text, errors):
        self.steps = {step["step"]: step for step in json.loads(text)["steps"]} if text else {}
        self.errors = errors

    def passes(self):
        """Return True if Google authenticates the pod, and no step failed."""
        return self.status("google-sts") == "ok" and not self.failed()

    def failed(self):
        """Return the first step that failed."""
        return next((step for step in self.steps.values() if step["status"] == "failed"), None)

    def status(self, name):
        """Return the status of a step, or None if it was not run."""
        return self.steps.get(name, {}).get("status")

    def summary(self):
        """Return the result in a sentence."""
        if failed := self.failed():
            return f"{failed['step']} failed: {failed['message']}"
        if not self.steps:
            return f"doctor could not run: {self.errors.strip()}"
        by_status = {}
        for name, step in self.steps.items():
            by_status.setdefault(step["status"], []).append(name)
        return "; ".join(f"{status}: {', '.join(names)}" for status, names in by_status.items())
