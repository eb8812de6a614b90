#!/usr/bin/env python3
"""Compare names that the chart repeats with the code: settings, flags, names of injected parts. Compare the Kubernetes
versions in docs/src/install.md with those of the tests. Check the chart's metadata, and that a test sets each value.

YAML cannot import a Rust constant, so a difference would otherwise stay unnoticed.
"""

import json
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "charts/rolebridge"
errors = []


def read(path):
    return (ROOT / path).read_text()


def templates(pattern="**/*"):
    return "\n".join(path.read_text() for path in sorted((CHART / "templates").glob(pattern)) if path.is_file())


def expect_equal(subject, chart, code):
    for name in sorted(chart ^ code):
        errors.append(f"{subject}: {name} is only in {'the chart' if name in chart else 'the code'}")


def expect_subset(subject, chart, code):
    if not chart:
        errors.append(f"{subject}: no names found in the chart; check the pattern in this script")
    for name in sorted(chart - code):
        errors.append(f"{subject}: {name} is in the chart, but not in the code")


def settings():
    schema = json.loads(read("charts/rolebridge/values.schema.json"))
    code = set(re.findall(r'^ +[A-Z_]+ = "([a-z-]+)"', read("src/core/src/annotations.rs"), re.M)) - {"inject"}
    expect_equal("defaults.settings", set(schema["properties"]["defaults"]["properties"]["settings"]["properties"]), code)
    expect_equal("defaults.locked", set(schema["definitions"]["setting"]["enum"]), code)


def metrics_port():
    used = set(re.findall(r"port: (rb-[a-z]+)", templates("monitoring/podmonitor.yaml")))
    expect_equal("port of the sidecar's metrics", used, set(re.findall(r'name: "(rb-[a-z]+)"', read("src/inject/src/patch/sidecar/mod.rs"))))
    expect_equal("ports in docs/src/public-names.md", set(re.findall(r"^- `(rb-[a-z]+)`", read("docs/src/public-names.md"), re.M)), used)


def flags():
    source = "".join(path.read_text() for path in (ROOT / "src/webhook/src").glob("**/args.rs"))
    code = {name.replace("_", "-") for name in re.findall(r"^    pub ([a-z_]+): ", source, re.M)}
    expect_subset("flags", set(re.findall(r"^- --([a-z-]+)=", templates("webhook/_arguments.tpl"), re.M)), code)


def injected_parts():
    code = set(re.findall(r'"([a-z-]+)"', read("src/core/src/pod_names.rs")))
    policy = templates("admission/*")
    expect_subset("containers and volumes of the policy", set(re.findall(r'\.name [=!]= "([a-z-]+)"', policy)), code)


def protected_annotations():
    # Pods of the previous release have both, and may still run.
    previous = {"rolebridge.io/config-loopback", "rolebridge.io/config-file"}
    source = read("src/core/src/annotations.rs")
    declared = re.findall(r"pub const (?:STATUS|CONFIG_[A-Z]+): [^;=]*(?:; \d+\])? = ([^;]*);", source)
    code = {name for value in declared for name in re.findall(r'"(rolebridge\.io/[a-z0-9-]+)"', value)}
    helper = re.search(r'writtenAnnotations" -}}\n(\[.*\])\n', read("charts/rolebridge/templates/admission/_conditions.tpl"))
    expect_equal("annotations of the webhook", set(json.loads(helper[1])) - previous, code - previous)


def documentation():
    address = re.compile(r"https://rolebridge\.github\.io/[a-z]+/")
    expect_equal("address of the documentation", set(address.findall(templates())), set(address.findall(read("src/cli/src/docs.rs"))))


def chart_metadata():
    """Artifact Hub reads YAML in annotations, which Helm does not check."""
    chart = yaml.safe_load(read("charts/rolebridge/Chart.yaml"))
    values = yaml.safe_load(read("charts/rolebridge/values.yaml"))
    listed = {image["image"] for image in yaml.safe_load(chart["annotations"]["artifacthub.io/images"])}
    used = {"{registry}/{repository}".format(**values[part]["image"]) + ":" + chart["appVersion"] for part in ("webhook", "sidecar")}
    expect_equal("artifacthub.io/images", listed, used)
    for name in ("changes", "links"):
        for entry in yaml.safe_load(chart["annotations"][f"artifacthub.io/{name}"]):
            for link in entry.get("links", [entry]):
                file = link["url"].partition("/blob/main/")[2]
                if file and not (ROOT / file).exists():
                    errors.append(f"artifacthub.io/{name}: {file} does not exist")
    if not (ROOT / chart["icon"].partition("/main/")[2]).exists():
        errors.append(f"icon: {chart['icon']} is not in the repository")


# Maps that the chart passes on to Kubernetes as a whole.
WHOLE = ("podSecurityContext", "securityContext", "resources", "nodeSelector", "probes", "labels")


def leaves(values, path=()):
    for key, value in values.items():
        if isinstance(value, dict) and value and key not in WHOLE:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def set_paths(node, path=()):
    """Returns the paths of the values that a test sets, in either form: `a: {b: 1}` or `a.b: 1`."""
    found = set()
    for key, value in node.items() if isinstance(node, dict) else ():
        parts = (*path, *str(key).split("."))
        found |= {parts[:length] for length in range(1, len(parts) + 1)} | set_paths(value, parts)
    return found


def tested_values():
    tested = set()
    for path in (CHART / "tests").glob("*.yaml"):
        suite = yaml.safe_load(path.read_text())
        for item in (suite, *suite["tests"]):
            tested |= set_paths(item.get("set"))
    for path in leaves(yaml.safe_load(read("charts/rolebridge/values.yaml"))):
        if path not in tested:
            errors.append(f"{'.'.join(path)}: no test in charts/rolebridge/tests sets this value")


def tested_templates():
    """The test of common labels and annotations must list every template."""
    test = read("charts/rolebridge/tests/metadata_test.yaml").partition("\nrelease:")[0]
    listed = set(re.findall(r"^  - (\S+)$", test, re.M))
    found = {str(path.relative_to(CHART / "templates")) for path in (CHART / "templates").glob("**/*.yaml")}
    expect_equal("templates of charts/rolebridge/tests/metadata_test.yaml", found - {"extraobjects.yaml"}, listed)


def versions():
    modules = {path.name: re.search(r"k8s\.io/kubernetes v(\S+)", (path / "go.mod").read_text())[1]
               for path in (ROOT / "tests/cluster/kubernetes").iterdir() if path.is_dir()}
    newest = re.search(r"^newest=(\S+)", read("tests/cluster/paths.sh"), re.M)[1]
    oldest = re.search(r'^kubeVersion: ">=(\d+\.\d+)\.', read("charts/rolebridge/Chart.yaml"), re.M)[1]
    expect_equal("oldest version of .ci/run", {oldest}, {re.search(r"^oldest=(\S+)", read(".ci/run"), re.M)[1]})
    rendered = re.search(r"versions=\((.*)\)", read("tests/chart/run"))[1].split()
    expect_equal("oldest and newest rendered version", {oldest, newest}, {rendered[0], rendered[-1]})
    expect_equal("oldest and newest module", {oldest, newest}, {oldest, newest} & set(modules))
    sentence = f"a real Kubernetes {newest}, and render the chart for {oldest} to {newest}."
    if sentence not in " ".join(read("docs/src/install.md").split()):
        errors.append(f"docs/src/install.md: expected the sentence: {sentence}")
    listed = set(re.findall(r"^\| Kubernetes (\d+\.\d+\.\d+)", read("docs/src/compatibility.md"), re.M))
    expect_equal("versions of the table in docs/src/compatibility.md", set(modules.values()), listed)


for compare in (settings, metrics_port, flags, injected_parts, protected_annotations, chart_metadata, documentation, tested_values, tested_templates,
                versions):
    compare()
if errors:
    sys.exit("\n".join(errors))
