#!/usr/bin/env python3
"""Create pods at a steady rate, as dry runs, until a file exists (or its folder is gone), and say what became of them.

Prints `steady` once pods are being created, and at the end a sentence with the counts. Whoever makes the file FILE.part
gets a sentence then, about the time since the one before; the file is taken away when it is said. Each failure is
somebody's: ours if the webhook was called and did not answer, refused, or did not inject; else the API server's, such as
while it is down. It exits with 1 if one was ours, or if one was the API server's and that was not expected
(`--api-restarts`).
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
AFTER = 2.0  # seconds for which it goes on then: what was done to the webhook may tell late


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
        self.until, self.steady = float("inf"), threading.Event()
        self.bad = False
        self.begin()

    def begin(self):
        self.began = time.monotonic()
        self.took, self.ours, self.others = [], collections.Counter(), collections.Counter()

    def turn(self):
        """Waits for the next turn; None when it is over. Turns that were missed while the API server was down are not
        made up for."""
        with self.lock:
            number, self.due = self.next, max(self.due + 1 / self.options.rate, time.monotonic() - 1)
            self.next, due = number + 1, self.due
        time.sleep(max(0.0, due - time.monotonic()))
        return None if due > self.until else number

    def work(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        path = f"/api/v1/namespaces/{self.options.namespace}/pods?dryRun=All"
        while (number := self.turn()) is not None:
            began = time.monotonic()
            status, text = ask(connection, "POST", path, pod(number))
            self.note(status, text, time.monotonic() - began)
            if status in (0, 502):
                self.wait_for_api_server(connection)

    def note(self, status, text, took):
        with self.lock:
            if status == 201 and '"name":"rolebridge"' in text:
                self.took.append(took)
                self.steady.set()
            elif status == 201:
                self.ours["created without a sidecar"] += 1
            else:
                says = message(text)
                (self.ours if "webhook" in says else self.others)[f"{status} {says}"] += 1

    def wait_for_api_server(self, connection):
        """As a load balancer does: one that says it is not ready gets nothing."""
        while time.monotonic() < self.until and ask(connection, "GET", "/readyz")[0] != 200:
            time.sleep(0.1)

    def run(self):
        threads = [threading.Thread(target=self.work) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        said, part = False, pathlib.Path(f"{self.options.until}.part")
        while self.options.until.parent.exists() and not self.options.until.exists():
            if self.steady.wait(0.2) and not said:
                said = print("steady", flush=True) is None
            if part.exists():
                self.report()
                part.unlink()
            time.sleep(0.2)
        self.until = time.monotonic() + AFTER
        for thread in threads:
            thread.join()
        self.report()
        return self.bad

    def report(self):
        """A sentence about the time since the one before."""
        with self.lock:
            seconds, took = time.monotonic() - self.began, sorted(self.took)
            ours, others = sum(self.ours.values()), sum(self.others.values())
            reasons = self.ours + self.others
            self.begin()
        middle, last = (took[len(took) // 2] * 1e3, took[-1] * 1e3) if took else (float("nan"), float("nan"))
        down = f", {others} not taken by the API server" if others else ""
        print(
            f"{len(took)} pods at {len(took) / seconds:.0f} a second, half within {middle:.0f} ms, all within {last:.0f} ms: "
            f"{ours} failed for a reason of ours{down}",
            *(f"{count} x {reason}" for reason, count in reasons.most_common(10)),
            sep="\n",
            flush=True,
        )
        self.bad = self.bad or not took or ours > 0 or (others > 0 and not self.options.api_restarts)


def ask(connection, method, path, body=None):
    """Status and text; 0 and the fault if there was no answer."""
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as fault:
        connection.close()
        return 0, repr(fault)


def message(text):
    try:
        return json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        return text.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("namespace")
    parser.add_argument("until", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--rate", type=float, default=50, help="pods a second (default: %(default)s)")
    parser.add_argument("--api-restarts", action="store_true", help="the API server may be down for a while")
    options = parser.parse_args()
    # It knows how to reach and to convince the API server of any kubeconfig.
    proxy = subprocess.Popen(["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        return Load(int(proxy.stdout.readline().rsplit(":", 1)[1]), options).run()
    finally:
        proxy.kill()


if __name__ == "__main__":
    sys.exit(main())
