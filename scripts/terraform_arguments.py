#!/usr/bin/env python3
"""Extracts the arguments of the Terraform blocks that `rolebridge setup` prints from the providers' documentation.

    scripts/terraform_arguments.py --google FOLDER --aws FOLDER [--check]

The folders are checkouts of hashicorp/terraform-provider-google and hashicorp/terraform-provider-aws, or at least their
`website/docs`. Writes src/cli/tests/cases/terraform-arguments.json. With --check, it prints what differs from the file,
and writes nothing. The file names the source of each provider's part.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

FIXTURE = pathlib.Path(__file__).parent.parent / "src/cli/tests/cases/terraform-arguments.json"

# The blocks, and the pages that describe them.
BLOCKS = {
    "google": {
        "resource google_iam_workload_identity_pool": "r/iam_workload_identity_pool",
        "resource google_iam_workload_identity_pool_provider": "r/iam_workload_identity_pool_provider",
        "resource google_project_iam_member": "r/google_project_iam",
        "resource google_project_service": "r/google_project_service",
        "resource google_service_account": "r/google_service_account",
        "resource google_service_account_iam_member": "r/google_service_account_iam",
        "resource google_storage_bucket_iam_member": "r/storage_bucket_iam",
    },
    "aws": {
        "data aws_eks_cluster": "d/eks_cluster",
        "data aws_iam_outbound_web_identity_federation": "d/iam_outbound_web_identity_federation",
        "resource aws_iam_openid_connect_provider": "r/iam_openid_connect_provider",
        "resource aws_iam_role": "r/iam_role",
        "resource aws_iam_role_policy": "r/iam_role_policy",
    },
}

HEADING = re.compile(r"^(#+) (.+)$")
NESTED = re.compile(r"(?:The|the) `(\w+)` block supports:")
# A page describes an argument at the start of a line. An indented item is a value or a part of an attribute.
ITEM = re.compile(r"^(\s*)\* `([\w/]+)` ?(?:-|–)\s*(.*)$")
ONLY_BY = re.compile(r"Required only by `?(\w+)")


def parse(text, block):
    """Returns the arguments of a block by its nested block, and its attributes. "" is the block itself."""
    name = block.split()[1]
    arguments, attributes, section, nested, item = {"": {}}, set(), None, "", None
    for line in text.splitlines():
        if heading := HEADING.match(line):
            title = heading[2].replace("`", "")
            if len(heading[1]) == 2:
                section, nested = title.lower(), ""
            elif re.fullmatch(r"\w+", title):
                nested = title
            item = None
        elif found := NESTED.search(line):
            nested, item = found[1], None
        elif section and section.startswith("attribute") and (found := ITEM.match(line)):
            attributes.add(found[2])
        elif section == "argument reference" and (found := ITEM.match(line)) and not found[1]:
            names, rest = found[2].split("/"), found[3]
            only_by = ONLY_BY.search(rest)
            item = None
            if not only_by or only_by[1] == name:
                item = {"required": None, "deprecated": False, "text": rest}
                # `member/members`: the first is that of a resource for one member.
                arguments.setdefault(nested, {})[names[0]] = item
        elif item is not None:
            item["text"] += " " + line.strip()
    for items in arguments.values():
        for argument in items.values():
            text = argument.pop("text").strip()
            argument["required"] = text.startswith("(Required")
            argument["deprecated"] = "deprecated" in text[:200].lower()
    return {"arguments": arguments, "attributes": sorted(attributes)}


def source(provider, folder):
    """Returns what the file says of the source of a part that was extracted from a checkout."""
    commit = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    return {"extracted": True, "from": f"hashicorp/terraform-provider-{provider} at commit {commit}"}


def extract(provider, folder):
    """Returns a provider's part of the file: its source, and its blocks."""
    pages = {block: folder / "website/docs" / f"{page}.html.markdown" for block, page in BLOCKS[provider].items()}
    return {"source": source(provider, folder), "blocks": {block: parse(path.read_text(), block) for block, path in pages.items()}}


def differences(expected, found, where=""):
    """Yields what two parts of the file do not have in common."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            yield from differences(expected.get(key, "nothing"), found.get(key, "nothing"), f"{where}{key}: ")
    elif expected != found:
        yield f"{where}the provider has {json.dumps(expected)}, the file {json.dumps(found)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--google", required=True, type=pathlib.Path)
    parser.add_argument("--aws", required=True, type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    parts = {provider: extract(provider, getattr(options, provider)) for provider in BLOCKS}
    if not options.check:
        FIXTURE.write_text(json.dumps(parts, indent=1, sort_keys=True) + "\n")
        return
    known = json.loads(FIXTURE.read_text())
    # The newest commit always differs, and says nothing about the blocks.
    found = [line for provider in BLOCKS for line in differences(parts[provider]["blocks"], known[provider]["blocks"])]
    found += [f"{provider}: not extracted, but {part['source']['from']}" for provider, part in known.items() if not part["source"]["extracted"]]
    if found:
        sys.exit("\n".join([*found, f"{FIXTURE}: expected the arguments of the providers' pages. Fix: run this script without --check."]))


if __name__ == "__main__":
    main()
