#!/usr/bin/env python3
"""check.py URL VERSION: sends the requests of cases.yaml to an API server, in each state of the chart's policies.

The states follow each other like those of a release: without the policies, installed with the chart's defaults, upgraded to all
policies, rolled back, uninstalled.
"""
import json
import pathlib
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import yaml

HERE = pathlib.Path(__file__).parent
CHART = HERE.parents[2] / "charts/rolebridge"
URL, VERSION = sys.argv[1:]
TLS = ssl._create_unverified_context()
# Seconds until a condition that still does not hold is a failure: several times what the slowest machine needs.
LONGEST_WAIT = 300
TEMPLATES = {"protectannotations": "admission/protectannotations", "policy": "admission/validatingadmissionpolicy",
             "image": "admission/sidecarimage"}
DEFAULTS = ["protectannotations"]
ALL = [*DEFAULTS, "policy", "image"]
VALUES = ["--set", "admission.policy.enabled=true", "--set", "admission.policy.sidecarRepositories={mirror.example/sidecar}",
          "--set", "admission.protectAnnotations.trustedUsers={system:serviceaccount:volcano-system:volcano-scheduler}"]
# Name of the state, the policies in it, and values.
STATES = [("before", [], []), ("installed", DEFAULTS, []), ("upgraded", ALL, VALUES), ("rolled-back", DEFAULTS, []),
          ("uninstalled", [], [])]
CONTENT_TYPES = {"PATCH": "application/merge-patch+json"}


def send(user, method, path, body=None):
    """Returns the status and the message of the response."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {user}", "Content-Type": CONTENT_TYPES.get(method, "application/json")}
    request = urllib.request.Request(URL + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, context=TLS, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        # /readyz answers with plain text.
        return error.code, json.loads(text).get("message", "") if text.startswith("{") else text


def eventually(describe, succeeds):
    deadline = time.monotonic() + LONGEST_WAIT
    while not succeeds():
        if time.monotonic() > deadline:
            sys.exit(f"{VERSION}: timed out: {describe}")
        time.sleep(0.1)


def is_ready():
    try:
        return send("admin", "GET", "/readyz")[0] == 200
    except OSError:
        return False


def render(policies, values):
    if not policies:
        return []
    shown = [argument for policy in policies for argument in ("--show-only", f"templates/{TEMPLATES[policy]}.yaml")]
    command = ["helm", "template", "rb", CHART, "--namespace", "rolebridge-system", "--kube-version", VERSION, *shown, *values]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [item for item in yaml.safe_load_all(output) if item]


def path_of(item):
    plural = {"ValidatingAdmissionPolicy": "validatingadmissionpolicies",
              "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings"}[item["kind"]]
    return f"/apis/{item['apiVersion']}/{plural}/{item['metadata']['name']}"


def apply(item):
    request = urllib.request.Request(
        f"{URL}{path_of(item)}?fieldManager=test&force=true", json.dumps(item).encode(),
        {"Authorization": "Bearer admin", "Content-Type": "application/apply-patch+yaml"}, method="PATCH")
    try:
        urllib.request.urlopen(request, context=TLS, timeout=30).close()
    except urllib.error.HTTPError as error:
        sys.exit(f"{VERSION}: {item['metadata']['name']}: {error.read().decode()}")


def run_case(case, state, objects):
    """Returns what is wrong with the response, if anything."""
    body = case.get("body")
    if isinstance(body, str):
        body = objects[body]
    if isinstance(body, dict) and "get" in body:
        body = json.loads(send("admin", "GET", body["get"])[1])
    # A dry run leaves the objects as they are for the next case.
    path = case["path"] + "?dryRun=All"
    status, message = send(case.get("user", "admin"), case["method"], path, body)
    denial = case["denied"] if state in case.get("in", []) else None
    if denial is None and 200 <= status < 300:
        return None
    if denial is not None and status in (403, 422) and denial in message:
        return None
    expected = "no denial" if denial is None else f"a denial: {denial}"
    return f"expected {expected}, found {status}: {message[:300]}"


def main():
    eventually("the API server is ready", is_ready)
    document = yaml.safe_load((HERE / "cases.yaml").read_text())
    objects = document["objects"]
    # Longer than what an expression of the policies may search through.
    objects["ballast"]["metadata"]["annotations"]["example.com/ballast"] = "x" * 200_000
    for namespace in ("shop", "kube-system"):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        eventually(f"namespace {namespace}", lambda: send("admin", "POST", "/api/v1/namespaces", body)[0] in (201, 409))
        for pod in document["pods"]:
            status, message = send("admin", "POST", f"/api/v1/namespaces/{namespace}/pods", objects[pod])
            if status != 201:
                sys.exit(f"{VERSION}: pod {pod}: {status} {message}")
    failures, requests, installed = [], 0, []
    for state, policies, values in STATES:
        rendered = render(policies, values)
        for item in rendered:
            apply(item)
        names = {path_of(item) for item in rendered}
        for path in [path for path in map(path_of, installed) if path not in names]:
            send("admin", "DELETE", path)
        installed = rendered
        # A change takes effect within a second or so: the last case that differs decides.
        for case in document["takes-effect"]:
            eventually(f"{state}: {case['name']}", lambda: run_case(case, state, objects) is None)
        for case in document["cases"]:
            requests += 1
            problem = run_case(case, state, objects)
            if problem:
                failures.append(f"{VERSION}, {state}, {case['name']}: {problem}")
    print("\n".join(failures) or f"ok      Kubernetes {VERSION}: {requests} requests in {len(STATES)} states of the policies")
    return 1 if failures else 0


sys.exit(main())
