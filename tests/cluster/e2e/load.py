#!/usr/bin/env python3
"""Create pods at a constant rate, as dry runs, until a file exists (or its folder is deleted), and report failures.

Prints `steady` when the first pod was created, and a summary at the end. If the file FILE.part exists, prints a summary
of the time since the previous one and deletes that file. A failure counts against the webhook if the webhook was called
and did not respond, denied the pod, or did not inject it. Any other failure counts against the API server, for example
while it is down. The exit code is 1 if a failure counts against the webhook, or one counts against the API server without
`--api-restarts`.
"""

import argparse
import collections
import http.client
import json
import pathlib
import subprocess
import sys
import threading
import time

CONNECTIONS = 16
GRACE_PERIOD = 2.0  # seconds of load after the end, because failures of the webhook may appear late


def pod(number):
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"load-{number}", "annotations": {"rolebridge.io/inject": "true"}},
            "spec": {
                "serviceAccountName": "nightly-report",
                "containers": [{"name": "app", "image": "app"}],
            },
        }
    )


class Load:
    def __init__(self, port, options):
        self.port, self.options = port, options
        self.lock, self.next, self.due = threading.Lock(), 0, time.monotonic()
        self.end, self.steady = float("inf"), threading.Event()
        self.failed = False
        self.reset()

    def reset(self):
        """Start a new reporting period."""
        self.start = time.monotonic()
        self.durations, self.webhook_failures, self.api_failures = [], collections.Counter(), collections.Counter()

    def next_number(self):
        """Wait until the next creation is due and return its number, or None after the end. Creations that were missed
        while the API server was down are skipped."""
        with self.lock:
            number, self.due = self.next, max(self.due + 1 / self.options.rate, time.monotonic() - 1)
            self.next, due = number + 1, self.due
        time.sleep(max(0.0, due - time.monotonic()))
        return None if due > self.end else number

    def create_pods(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        path = f"/api/v1/namespaces/{self.options.namespace}/pods?dryRun=All"
        while (number := self.next_number()) is not None:
            start = time.monotonic()
            status, text = send(connection, "POST", path, pod(number))
            self.record(status, text, time.monotonic() - start)
            if status in (0, 502):
                self.wait_for_api_server(connection)

    def record(self, status, text, duration):
        with self.lock:
            if status == 201 and '"name":"rolebridge"' in text:
                self.durations.append(duration)
                self.steady.set()
            elif status == 201:
                self.webhook_failures["created without a sidecar"] += 1
            else:
                error = message(text)
                (self.webhook_failures if "webhook" in error else self.api_failures)[f"{status} {error}"] += 1

    def wait_for_api_server(self, connection):
        """Send no creations while the API server is not ready, as a load balancer does."""
        while time.monotonic() < self.end and send(connection, "GET", "/readyz")[0] != 200:
            time.sleep(0.1)

    def run(self):
        threads = [threading.Thread(target=self.create_pods) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        announced, part = False, pathlib.Path(f"{self.options.until}.part")
        while self.options.until.parent.exists() and not self.options.until.exists():
            if self.steady.wait(0.2) and not announced:
                announced = print("steady", flush=True) is None
            if part.exists():
                self.report()
                part.unlink()
            time.sleep(0.2)
        self.end = time.monotonic() + GRACE_PERIOD
        for thread in threads:
            thread.join()
        self.report()
        return self.failed

    def report(self):
        """Print a summary of the current period and start the next one."""
        with self.lock:
            seconds, durations = time.monotonic() - self.start, sorted(self.durations)
            by_webhook, by_api = sum(self.webhook_failures.values()), sum(self.api_failures.values())
            errors = self.webhook_failures + self.api_failures
            self.reset()
        count = len(durations)
        median, slowest = (durations[count // 2] * 1e3, durations[-1] * 1e3) if durations else (float("nan"), float("nan"))
        api_failures = f", {by_api} rejected by the API server" if by_api else ""
        print(
            f"{count} pods at {count / seconds:.0f} a second, median {median:.0f} ms, maximum {slowest:.0f} ms: "
            f"{by_webhook} failed because of the webhook{api_failures}",
            *(f"{times} x {error}" for error, times in errors.most_common(10)),
            sep="\n",
            flush=True,
        )
        self.failed = self.failed or not durations or by_webhook > 0 or (by_api > 0 and not self.options.api_restarts)


def send(connection, method, path, body=None):
    """Return status and text, or 0 and the exception if there was no response."""
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return 0, repr(error)


def message(text):
    try:
        return json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        return text.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("namespace")
    parser.add_argument("until", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--rate", type=float, default=50, help="pods a second, if the API server is fast enough (default: %(default)s)")
    parser.add_argument("--api-restarts", action="store_true", help="the API server may be down for a while")
    options = parser.parse_args()
    # kubectl proxy handles the address and authentication of any kubeconfig.
    proxy = subprocess.Popen(["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        return Load(int(proxy.stdout.readline().rsplit(":", 1)[1]), options).run()
    finally:
        proxy.kill()


if __name__ == "__main__":
    sys.exit(main())
