#!/usr/bin/env python3
"""Render the chart into manifests/, for `kubectl apply -k manifests`.

    manifests.py           write them
    manifests.py --check   compare, and fail if a file would change

The chart is the source of truth. What says that Helm made an object is left out, since there Helm did not. `HELM` names
the program (default: the one that tests/cluster/build makes, else `helm`).
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
HEAD = "# Made from charts/rolebridge by scripts/render_manifests.py.\n"
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
    return found or sys.exit("manifests.py: no helm; `tests/cluster/build helm` makes one")


def render():
    """Each file's name and text: one for each template, as the chart groups them."""
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
            sys.exit(f"not what the chart says: manifests/{', manifests/'.join(changed)}; run scripts/render_manifests.py")
        return
    OUT.mkdir(exist_ok=True)
    for name in old.keys() - new.keys():
        (OUT / name).unlink()
    for name, text in new.items():
        (OUT / name).write_text(text)


if __name__ == "__main__":
    main()
