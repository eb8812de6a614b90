#!/usr/bin/env python3
"""Extracts the arguments of the Terraform blocks that `rolebridge setup` prints from packages that others generate.

    scripts/terraform_arguments.py [--newest] [--check]

CDK Terrain generates `cdktn-provider-*` from the schemas of the providers: arguments, nested blocks, what is required, and
attributes. It leaves out what is deprecated, which `pulumi-aws` and `pulumi-gcp` name. Writes
src/cli/tests/cases/terraform-arguments.json. With --check, it prints what differs from the file, and writes nothing.
The versions are those of scripts/terraform_requirements.txt, or with --newest those that the registry serves.
"""

import argparse
import ast
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

SCRIPTS = pathlib.Path(__file__).resolve().parent
FIXTURE = SCRIPTS.parent / "src/cli/tests/cases/terraform-arguments.json"
REQUIREMENTS = SCRIPTS / "terraform_requirements.txt"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "rolebridge/terraform"

# By the provider: the package with its schema, the package with what is deprecated, and the blocks with Pulumi's modules.
PROVIDERS = {
    "aws": {
        "schema": "cdktn-provider-aws",
        "deprecated": "pulumi-aws",
        "blocks": {
            "data aws_eks_cluster": "eks/get_cluster",
            "data aws_iam_outbound_web_identity_federation": "iam/get_outbound_web_identity_federation",
            "resource aws_iam_openid_connect_provider": "iam/open_id_connect_provider",
            "resource aws_iam_role": "iam/role",
            "resource aws_iam_role_policy": "iam/role_policy",
        },
    },
    "google": {
        "schema": "cdktn-provider-google",
        "deprecated": "pulumi-gcp",
        "blocks": {
            "resource google_iam_workload_identity_pool": "iam/workload_identity_pool",
            "resource google_iam_workload_identity_pool_provider": "iam/workload_identity_pool_provider",
            "resource google_project_iam_member": "projects/iam_member",
            "resource google_project_service": "projects/service",
            "resource google_service_account": "serviceaccount/account",
            "resource google_service_account_iam_member": "serviceaccount/iam_member",
            "resource google_storage_bucket_iam_member": "storage/bucket_iam_member",
        },
    },
}

PROVIDER_VERSION = re.compile(r"bindings for (\S+) provider version (\S+)")
# An argument's documentation links to it by the name that the provider gives it.
LINK = re.compile(r"\{@link \S+#(\w+) \w+#\1\}")
CLASS = re.compile(r'"(\w+)"')
# Pulumi warns in code of its own name, and in a page's text of the provider's name.
WARNING = re.compile(r'pulumi\.log\.warn\("""(\w+) is deprecated: ')
NOTE = re.compile(r"`(\w+)` argument is deprecated")


def requirements():
    """Returns the pinned versions by the name of the package."""
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def members(package):
    """Returns the files of a package that describe the blocks."""
    folder = package.replace("-", "_")
    for parts in PROVIDERS.values():
        if package == parts["schema"]:
            for block in parts["blocks"]:
                yield f"{folder}/{schema_module(block)}/__init__.py"
        elif package == parts["deprecated"]:
            for module in parts["blocks"].values():
                yield f"{folder}/{module}.py"
                if not module.split("/")[1].startswith("get_"):
                    yield f"{folder}/{module.split('/')[0]}/_inputs.py"


def schema_module(block):
    """Returns the name of the module of `cdktn-provider-*` with a block."""
    kind, name = block.split()
    provider, rest = name.split("_", 1)
    return f"data_{provider}_{rest}" if kind == "data" else rest


def download(package, version):
    """Downloads a package and keeps the files that describe the blocks. Returns its version and the folder with the files."""
    if version and (CACHE / f"{package}-{version}").exists():
        return version, CACHE / f"{package}-{version}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
        requirement = f"{package}=={version}" if version else package
        subprocess.run([*pip, "--no-deps", "--only-binary=:all:", "--dest", folder, requirement], check=True)
        [wheel] = pathlib.Path(folder).glob("*.whl")
        version = wheel.name.split("-")[1]
        kept = pathlib.Path(folder) / "kept"
        with zipfile.ZipFile(wheel) as archive:
            metadata = f"{package.replace('-', '_')}-{version}.dist-info/METADATA"
            # Each listed file has to exist: a page that moved is an error, not an empty list.
            for name in {metadata, *members(package)}:
                archive.extract(name, kept)
            (kept / metadata).rename(kept / "METADATA")
        final = CACHE / f"{package}-{version}"
        shutil.rmtree(final, ignore_errors=True)
        kept.rename(final)
    return version, final


class Schema:
    """A module of `cdktn-provider-*`, read without importing it."""

    def __init__(self, text):
        self.classes = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}

    def block(self):
        """Returns the names of the block's class and of the class with its arguments."""
        [config] = [name for name in self.classes if name.endswith("Config") and name.removesuffix("Config") in self.classes]
        return config.removesuffix("Config"), config

    def arguments(self, name, path=""):
        """Returns the arguments of a class, and those of its nested blocks, by the path of the block."""
        constructor = function(self.classes[name], "__init__")
        # The bindings add an argument `id` where the provider has only an attribute.
        documented = {
            parameter: link[1]
            for parameter, text in parameters(constructor).items()
            if (link := LINK.search(text)) and "automatically added" not in text
        }
        found = {path: {}}
        for argument, default in zip(constructor.args.kwonlyargs, constructor.args.kw_defaults, strict=True):
            if argument.arg not in documented:
                continue
            own = documented[argument.arg]
            found[path][own] = {"required": default is None, "deprecated": False}
            for nested in CLASS.findall(ast.unparse(argument.annotation).replace("'", '"')):
                if nested in self.classes:
                    found |= self.arguments(nested, f"{path}.{own}".lstrip("."))
        return found

    def attributes(self, name, path=""):
        """Returns the paths of the attributes of a class, without indices."""
        for node in self.classes[name].body:
            if not is_property(node) or node.name.endswith("_input") or node.name in ("internal_value", "fqn"):
                continue
            # Python's own words get an underscore.
            own = f"{path}.{node.name.rstrip('_')}".lstrip(".")
            yield own
            for nested in CLASS.findall(ast.unparse(node.returns).replace("'", '"')):
                reference = nested.removesuffix("List") + "OutputReference" if nested.endswith("List") else nested
                if reference in self.classes and reference.endswith("OutputReference"):
                    yield from self.attributes(reference, own)


def function(node, name):
    """Returns a function of a class."""
    return next(child for child in node.body if isinstance(child, ast.FunctionDef) and child.name == name)


def is_property(node):
    """Returns whether a part of a class is a property's getter."""
    return isinstance(node, ast.FunctionDef) and any(ast.unparse(decorator) == "builtins.property" for decorator in node.decorator_list)


def parameters(node):
    """Returns the documentation of a function's parameters by their names."""
    parts = re.split(r"^\s*:param (\w+): ?", ast.get_docstring(node) or "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def deprecated_names(text):
    """Returns the names of arguments that a part of Pulumi's source calls deprecated."""
    return {*WARNING.findall(text), *NOTE.findall(text)}


def singular(name):
    """Returns what the provider may call an argument that Pulumi's name has in the plural."""
    return {name, name.removesuffix("s"), name.removesuffix("es"), re.sub("ies$", "y", name)}


def mark_deprecated(arguments, names, where):
    """Marks arguments as deprecated. Fails if a name is none of them, so that none is lost."""
    for name in names:
        known = [items[found] for items in arguments for found in singular(name) if found in items]
        if not known:
            sys.exit(f"{where}: expected an argument of the block, found {name}, which is deprecated. Fix: extend `singular` in {__file__}")
        for argument in known:
            argument["deprecated"] = True


def block_part(block, schema_folder, schema_package, pulumi_folder, pulumi_package, module):
    """Returns the arguments and attributes of a block."""
    schema = Schema((schema_folder / schema_package.replace("-", "_") / schema_module(block) / "__init__.py").read_text())
    name, config = schema.block()
    arguments = schema.arguments(config)
    source = pulumi_folder / pulumi_package.replace("-", "_") / f"{module}.py"
    mark_deprecated([arguments[""]], deprecated_names(source.read_text()), block)
    inputs = source.parent / "_inputs.py"
    if block.startswith("resource "):
        title = "".join(part.title() for part in source.stem.split("_"))
        classes = re.split(r"^@pulumi\.input_type\nclass ", inputs.read_text(), flags=re.MULTILINE)
        nested = [text for text in classes if text.startswith(title)]
        mark_deprecated([items for path, items in arguments.items() if path], deprecated_names("".join(nested)), block)
    return {"arguments": arguments, "attributes": sorted(schema.attributes(name))}


def extract(provider, packages):
    """Returns a provider's part of the file: its source, and its blocks."""
    parts = PROVIDERS[provider]
    (version, folder), (pulumi_version, pulumi_folder) = packages[parts["schema"]], packages[parts["deprecated"]]
    name, provider_version = PROVIDER_VERSION.search((folder / "METADATA").read_text()).groups()
    return {
        "provider": f"{name} {provider_version}",
        "schema": f"{parts['schema']} {version}",
        "deprecated": f"{parts['deprecated']} {pulumi_version}",
        "blocks": {
            block: block_part(block, folder, parts["schema"], pulumi_folder, parts["deprecated"], module)
            for block, module in parts["blocks"].items()
        },
    }


def differences(expected, found, where=""):
    """Yields what two parts of the file do not have in common."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            yield from differences(expected.get(key, "nothing"), found.get(key, "nothing"), f"{where}{key}: ")
    elif expected != found:
        yield f"{where}the packages have {json.dumps(expected)}, the file {json.dumps(found)}"


def check(parts, newest):
    """Fails if the file differs from the packages. The newest versions differ by their numbers, which say nothing."""
    known = json.loads(FIXTURE.read_text())
    if newest:
        parts, known = ({provider: part["blocks"] for provider, part in side.items()} for side in (parts, known))
    if found := list(differences(parts, known)):
        sys.exit("\n".join([*found, f"{FIXTURE}: expected the arguments of the packages. Fix: make terraform"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--newest", action="store_true", help="take the newest versions that the registry serves")
    parser.add_argument("--check", action="store_true", help="compare with the file, and write nothing")
    options = parser.parse_args()
    pins = requirements()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = pool.map(lambda pin: download(pin[0], None if options.newest else pin[1]), pins.items())
        packages = dict(zip(pins, found, strict=True))
    parts = {provider: extract(provider, packages) for provider in PROVIDERS}
    if options.check:
        check(parts, options.newest)
        return
    FIXTURE.write_text(json.dumps(parts, indent=1, sort_keys=True) + "\n")
    comments = [line for line in REQUIREMENTS.read_text().splitlines() if line.startswith("#")]
    pinned = [f"{package}=={version}" for package, (version, _) in packages.items()]
    REQUIREMENTS.write_text("\n".join([*comments, *pinned]) + "\n")


if __name__ == "__main__":
    main()
