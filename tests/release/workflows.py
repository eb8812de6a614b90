#!/usr/bin/env python3
"""Check the workflows with rights. The one that publishes a release has no inputs. A job that publishes, the documentation too, waits
for the environment `release`, and compiles nothing. The one that logs in to clouds runs for no pull request and in
no fork, waits for the environment `acceptance`, and compiles nothing after a login."""

import pathlib
import re
import sys

import yaml

FOLDER = pathlib.Path(__file__).parents[2] / ".github/workflows"
# Commands that run code of dependencies, which must not reach the identity of a signature.
COMPILES = re.compile(r"\bcargo\b|build-cli|images/build --programs|\bmake\b|docs/build|\bnpm\b")
errors = []


def check_writers(name, jobs):
    """A job that may write waits for the environment release, and compiles nothing."""
    for job_name, job in jobs.items():
        publishes = any(access == "write" for access in job["permissions"].values())
        if publishes and job.get("environment") != "release":
            errors.append(f"{name}, job {job_name}: expected the environment release, because the job may write")
        commands = [step.get("run", "") for step in job["steps"]]
        if publishes and any(COMPILES.search(command) for command in commands):
            errors.append(f"{name}, job {job_name}: expected no compilation, because the job may sign or write")
    if not any("environment" in job for job in jobs.values()):
        errors.append(f"{name}: expected a job that publishes, found none")


workflow = yaml.safe_load((FOLDER / "build-release.yml").read_text())
# YAML reads the key `on` as a boolean.
if workflow[True] != {"workflow_call": None}:
    errors.append(f"build-release.yml: expected no inputs, secrets or other triggers, found {workflow[True]}")
if workflow["permissions"] != {}:
    errors.append(f"build-release.yml: expected no permissions by default, found {workflow['permissions']}")
check_writers("build-release.yml", workflow["jobs"])

workflow = yaml.safe_load((FOLDER / "book.yml").read_text())
if workflow[True] != {"push": {"tags": ["v*"]}} or workflow["permissions"] != {}:
    errors.append("book.yml: expected to run for the tags v* alone, without permissions by default")
check_writers("book.yml", workflow["jobs"])

workflow = yaml.safe_load((FOLDER / "acceptance.yml").read_text())
if set(workflow[True]) != {"schedule", "workflow_dispatch"} or workflow[True]["workflow_dispatch"]:
    errors.append(f"acceptance.yml: expected a schedule and a start by hand without inputs, found {workflow[True]}")
if workflow["permissions"] != {}:
    errors.append(f"acceptance.yml: expected no permissions by default, found {workflow['permissions']}")
for name, job in workflow["jobs"].items():
    if job.get("environment") != "acceptance":
        errors.append(f"acceptance.yml, job {name}: expected the environment acceptance, because the job logs in to clouds")
    for condition in ("github.repository == 'rolebridge/rolebridge'", "github.ref == 'refs/heads/main'"):
        if condition not in job.get("if", "").split(" && "):
            errors.append(f"acceptance.yml, job {name}: expected the condition {condition}, found {job.get('if')}")
    if job["permissions"] != {"contents": "read", "id-token": "write"}:
        errors.append(f"acceptance.yml, job {name}: expected to read the source and to log in, found {job['permissions']}")
    logins = [step for step in job["steps"] if step.get("uses", "").startswith(("aws-actions/", "google-github-actions/"))]
    after = job["steps"][job["steps"].index(logins[0]) :]
    if len(logins) != 2 or any(COMPILES.search(step.get("run", "")) for step in after):
        errors.append(f"acceptance.yml, job {name}: expected a login to each cloud, and no compilation after it")
if errors:
    sys.exit("\n".join(errors))
