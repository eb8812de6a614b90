#!/usr/bin/env python3
"""schemas.py FOLDER: writes JSON schemas for kubeconform: of Kubernetes' objects in some versions, and of custom resources.

They come from the modules that tests/cluster/build compiles, and from modules that go.mod in tests/cluster/schemas pins: the OpenAPI
documents of the API server, and the custom resource definitions of cert-manager, the Prometheus Operator and Cilium. Only the
kinds of the chart are written. A schema is strict: an unknown field is an error, as for `kubectl apply`.
"""

import json
import pathlib
import subprocess
import sys

import yaml

CLUSTER = pathlib.Path(__file__).parents[1] / "cluster"
# Folders of modules that pin a version of Kubernetes: the oldest and the newest.
KUBERNETES = ["kubernetes/1.30", "kubernetes/1.37"]
KINDS = """ClusterRole ClusterRoleBinding ConfigMap Deployment HorizontalPodAutoscaler Lease MutatingWebhookConfiguration NetworkPolicy
    PodDisruptionBudget Role RoleBinding Secret Service ServiceAccount ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding
    Namespace""".split()
# Files of custom resource definitions, by the module's folder in tests/cluster.
CUSTOM = {
    ("schemas", "github.com/prometheus-operator/prometheus-operator"): [
        f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml" for kind in ("podmonitors", "prometheusrules", "servicemonitors")
    ],
    ("schemas", "github.com/cilium/cilium"): ["pkg/k8s/apis/cilium.io/client/crds/v2/ciliumnetworkpolicies.yaml"],
    ("cert-manager", "github.com/cert-manager/cert-manager"): [
        f"deploy/crds/crd-{kind}.yaml" for kind in ("certificates", "issuers")
    ],
}
GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"


def module(folder, name):
    """Returns the folder of a pinned module, and its version."""
    command = ["go", "mod", "download", "-json", name]
    found = json.loads(subprocess.run(command, cwd=CLUSTER / folder, check=True, stdout=subprocess.PIPE).stdout)
    return pathlib.Path(found["Dir"]), found["Version"]


def strict(schema):
    """Returns the schema with unknown fields forbidden, and without the keywords that are only Kubernetes'."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # Alternatives list some fields of the object around them.
    result = {key: value if key in ("anyOf", "oneOf", "allOf", "not") else strict(value)
              for key, value in schema.items() if key not in ("description", "default")}
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return {"type": ["string", "integer"]}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result["properties"] = {name: strict(value) for name, value in schema["properties"].items()}
        result.setdefault("additionalProperties", False)
    return result


def referenced(schema):
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rsplit("/", 1)[1]
        for value in schema.values():
            yield from referenced(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from referenced(item)


def write(folder, kind, group, version, schema):
    """Writes a schema under the name that kubeconform's template gives: KIND-GROUP-VERSION, in lower case."""
    name = "-".join(filter(None, [kind, group.split(".")[0], version])).lower()
    path = folder / f"{name}.json"
    path.write_text(json.dumps(schema))


def write_kubernetes(out, folder):
    path, version = module(folder, "k8s.io/kubernetes")
    definitions = json.loads((path / "api/openapi-spec/swagger.json").read_text())["definitions"]
    target = out / (version.rsplit(".", 1)[0] + ".0")
    target.mkdir()
    for name, definition in definitions.items():
        for key in definition.get(GROUP_VERSION_KIND, []):
            if key["kind"] in KINDS:
                needed, queue = {}, [name]
                while queue:
                    current = queue.pop()
                    if current not in needed:
                        needed[current] = strict(definitions[current])
                        queue.extend(referenced(definitions[current]))
                write(target, key["kind"], key["group"], key["version"], {"$ref": f"#/definitions/{name}", "definitions": needed})


def write_custom(out, definition):
    spec = definition["spec"]
    for version in spec["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        # The API server itself describes metadata.
        schema["properties"]["metadata"] = {"type": "object"}
        write(out, spec["names"]["kind"], spec["group"], version["name"], schema)


def main():
    out = pathlib.Path(sys.argv[1])
    for folder in KUBERNETES:
        write_kubernetes(out, folder)
    custom = out / "custom"
    custom.mkdir()
    for (folder, name), files in CUSTOM.items():
        path, _ = module(folder, name)
        for file in files:
            # cert-manager's files are Helm templates, but only in their labels.
            text = "".join(line for line in (path / file).read_text().splitlines(keepends=True) if "{{" not in line)
            write_custom(custom, yaml.safe_load(text))


main()
