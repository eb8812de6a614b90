#!/usr/bin/env python3
"""Render the chart into manifests/, for `kubectl apply -k manifests`.

    render_manifests.py           write them
    render_manifests.py --check   compare, and fail if a file would change

The chart is the source. Labels that mark objects as managed by Helm are removed. `HELM` is the path of Helm (default: the
one that tests/cluster/build compiles, otherwise `helm`).
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent
OUT = ROOT / "manifests"
NAME, NAMESPACE = "rolebridge", "rolebridge-system"
HEAD = "# Rendered from charts/rolebridge by scripts/render_manifests.py.\n"
NAMESPACE_OBJECT = f"""apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    app.kubernetes.io/name: {NAME}
    pod-security.kubernetes.io/enforce: restricted
"""


def helm():
    cache = os.environ.get("ROLEBRIDGE_CLUSTER_CACHE", os.path.expanduser("~/.cache/rolebridge-cluster"))
    found = os.environ.get("HELM") or shutil.which(os.path.join(cache, "bin", "helm")) or shutil.which("helm")
    return found or sys.exit("render_manifests.py: helm not found. Fix: run `tests/cluster/build helm`.")


def render():
    """Returns the text of each file by its name: one file for each template of the chart."""
    command = [helm(), "template", NAME, ROOT / "charts/rolebridge", "--namespace", NAMESPACE]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    files = {"namespace.yaml": [NAMESPACE_OBJECT]}
    for part in rendered.split("---\n# Source: ")[1:]:
        source, _, text = part.partition("\n")
        text = re.sub(r"^ +(app\.kubernetes\.io/managed-by|helm\.sh/chart): .*\n", "", text, flags=re.M)
        name = source.removeprefix("rolebridge/templates/").replace("/", "-")
        files.setdefault(name, []).append(text.strip() + "\n")
    texts = {name: HEAD + "---\n".join(parts) for name, parts in sorted(files.items())}
    resources = "".join(f"  - {name}\n" for name in texts)
    texts["kustomization.yaml"] = (
        f"{HEAD}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{resources}"
    )
    return texts


def main():
    new = render()
    old = {path.name: path.read_text() for path in OUT.glob("*.yaml")}
    if "--check" in sys.argv[1:]:
        changed = sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))
        if changed:
            sys.exit(f"outdated: manifests/{', manifests/'.join(changed)}. Fix: run scripts/render_manifests.py.")
        return
    OUT.mkdir(exist_ok=True)
    for name in old.keys() - new.keys():
        (OUT / name).unlink()
    for name, text in new.items():
        (OUT / name).write_text(text)


if __name__ == "__main__":
    main()
