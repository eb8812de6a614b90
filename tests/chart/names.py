#!/usr/bin/env python3
"""Compare what the chart repeats of the code with the code: settings, flags, metrics, the names of the injected parts. And
the versions of Kubernetes that the README says with those of the tests.

YAML cannot import a Rust constant, so each of these would otherwise drift in silence.
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "charts/rolebridge"
faults = []


def read(path):
    return (ROOT / path).read_text()


def templates(pattern="**/*"):
    return "\n".join(path.read_text() for path in sorted((CHART / "templates").glob(pattern)) if path.is_file())


def same(what, chart, code):
    """Both sets are one."""
    for name in sorted(chart ^ code):
        faults.append(f"{what}: {name} is in {'the chart' if name in chart else 'the code'} alone")


def within(what, chart, code):
    """All that the chart names exists."""
    if not chart:
        faults.append(f"{what}: the chart names none; has the pattern in this script gone stale?")
    for name in sorted(chart - code):
        faults.append(f"{what}: {name} is in the chart, but not in the code")


def settings():
    schema = json.loads(read("charts/rolebridge/values.schema.json"))
    code = set(re.findall(r'^ +[A-Z_]+ = "([a-z-]+)"', read("src/core/src/annotations.rs"), re.M)) - {"inject"}
    same("defaults.settings", set(schema["properties"]["defaults"]["properties"]["settings"]["properties"]), code)
    same("defaults.locked", set(schema["definitions"]["setting"]["enum"]), code)


def metrics():
    source = "".join(path.read_text() for path in (ROOT / "src/webhook/src").glob("**/*.rs"))
    names = {"rolebridge_webhook_" + name for name in re.findall(r'family\(\s*"([a-z_]+)"', source)}
    names |= {"rolebridge_sidecar_" + name for name in re.findall(r'"([a-z_]+)"', read("src/sidecar/src/metrics.rs"))}
    used = set(re.findall(r"rolebridge_(?:webhook|sidecar)_[a-z_]+", templates() + read("charts/rolebridge/files/dashboard.json")))
    within("metrics", {name.removesuffix("_bucket") for name in used}, names)


def flags():
    source = read("src/webhook/src/arguments.rs") + read("src/webhook/src/managed/arguments.rs")
    code = {name.replace("_", "-") for name in re.findall(r"^    pub ([a-z_]+): ", source, re.M)}
    within("flags", set(re.findall(r"^- --([a-z-]+)=", templates("webhook/_arguments.tpl"), re.M)), code)


def parts():
    pod = read("src/core/src/pod.rs")
    names = set(re.findall(r'"([a-z-]+)"', pod))
    policy = templates("admission/validatingadmissionpolicy.yaml")
    within("the policy's containers and volumes", set(re.findall(r'\.name == "([a-z-]+)"', policy)), names)


def versions():
    tested = re.search(r"k8s\.io/kubernetes v(\d+\.\d+)\.", read("tests/cluster/kubernetes/go.mod"))[1]
    rendered = re.search(r"versions=\((.*)\)", read("tests/chart/run"))[1].split()
    said = f"a real Kubernetes {tested}, and render the chart for {rendered[0]} to {rendered[-1]}."
    if said not in " ".join(read("docs/src/install.md").split()):
        faults.append(f"docs/src/install.md does not say what is tested: {said}")


for compare in (settings, metrics, flags, parts, versions):
    compare()
if faults:
    sys.exit("\n".join(faults))
