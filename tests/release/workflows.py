#!/usr/bin/env python3
"""Check the workflow that publishes a release: it has no inputs, a job that publishes waits for the environment `release`, and
a job with an identity to sign with compiles nothing."""

import pathlib
import re
import sys

import yaml

FOLDER = pathlib.Path(__file__).parents[2] / ".github/workflows"
# Commands that run code of dependencies, which must not reach the identity of a signature.
COMPILES = re.compile(r"\bcargo\b|build-cli|images/build --programs")
errors = []

workflow = yaml.safe_load((FOLDER / "build-release.yml").read_text())
# YAML reads the key `on` as a boolean.
if workflow[True] != {"workflow_call": None}:
    errors.append(f"build-release.yml: expected no inputs, secrets or other triggers, found {workflow[True]}")
if workflow["permissions"] != {}:
    errors.append(f"build-release.yml: expected no permissions by default, found {workflow['permissions']}")
for name, job in workflow["jobs"].items():
    publishes = any(access == "write" for access in job["permissions"].values())
    if publishes and job.get("environment") != "release":
        errors.append(f"build-release.yml, job {name}: expected the environment release, because the job may write")
    commands = [step.get("run", "") for step in job["steps"]]
    if publishes and any(COMPILES.search(command) for command in commands):
        errors.append(f"build-release.yml, job {name}: expected no compilation, because the job may sign or write")
if not any("environment" in job for job in workflow["jobs"].values()):
    errors.append("build-release.yml: expected a job that publishes, found none")
if errors:
    sys.exit("\n".join(errors))
