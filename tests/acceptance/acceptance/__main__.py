"""The program: options, the run, the report, and the exit code."""

import argparse
import os
import pathlib
import re
import secrets
import signal
import sys
import tempfile
import time

from acceptance import pod_checks, report, sts_checks
from acceptance.answer import Answer, NotAsked, Verdict
from acceptance.aws import Sts, session_policies
from acceptance.cluster import Cluster
from acceptance.console import CommandFailed, Console
from acceptance.google import Google
from acceptance.questions import QUESTIONS
from acceptance.removal import Removals
from acceptance.sweep import sweep
from acceptance.world import KINDS, POOL_PREFIX, PREFIX, World

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROLE = re.compile(rf"arn:aws[a-z-]*:iam::\d{{12}}:role/{PREFIX}[\w+=,.@-]{{0,20}}")
COST = f"""\
It makes at AWS: up to {len(KINDS)} IAM roles, the cluster's OIDC provider and outbound federation where they are missing, an
association of EKS Pod Identity. At Google: a service account, a workload identity pool with 6 providers. In the cluster: up to
{len(KINDS)} namespaces with 8 pods in all, each with 10m CPU and 32 MiB. It removes them at the end, also after an interrupt.
The three APIs that `rolebridge setup` enables stay enabled.
It costs nothing: AWS and Google do not charge for these. A pod on Fargate, if a profile selects it, costs less than 0.01 USD.
It takes 5 to 15 minutes.
"""
# A pager and prompts would wait for a person. gcloud reports its use by a process that outlives the command, with its output
# still open, and checks for updates in each new folder of settings: both wait for hosts that may be out of reach.
WITHOUT_A_PERSON = {
    "AWS_PAGER": "",
    "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
    "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1",
}


class Interrupted(BaseException):
    """A signal to end. It is no Exception, so that the answer to a question does not catch it."""


def parse_options(arguments):
    parser = argparse.ArgumentParser(prog="tests/acceptance/run", description="Answer the open questions about the real clouds.")
    add = parser.add_argument
    add("--project", required=True, help="ID of the Google project in which a pool and a service account are made")
    add("--role-arn", required=True, help=f"ARN of the role to make; its name begins with {PREFIX}, and it has no path")
    add("--region", default=os.environ.get("AWS_REGION", "us-east-1"), help="AWS region")
    add("--context", help="context of the kubeconfig [default: the current one]")
    add("--eks-cluster", help="the cluster's name at EKS, for Pod Identity and Fargate")
    add("--pool", help="ID of the pool to make [default: a new one, because an ID cannot be used again for 30 days]")
    add("--image", default="registry.k8s.io/pause:3.10", help="image of the pods, which do nothing")
    add("--apply", action="append", default=[], metavar="FILE", help="objects for each namespace, for example a CA bundle")
    add("--namespace-annotation", action="append", default=[], metavar="KEY=VALUE", help="settings of each namespace")
    add("--only", action="append", metavar="ID", choices=[question.id for question in QUESTIONS], help="ask only this question")
    add("--report", type=pathlib.Path, metavar="FILE", help="file for the report [default: standard output]")
    add("--yes", action="store_true", help="start; without it, only what would be made and its cost is printed")
    add("--agent", action="store_true", help="the nodes have an agent of EKS Pod Identity [default: with --eks-cluster]")
    add("--timeout", type=int, default=300, metavar="SECONDS", help="how long a change may take to reach all servers of a cloud")
    add("--aws-sts-endpoint", default=os.environ.get("AWS_ENDPOINT_URL_STS"), help="for fakes")
    add("--google-sts-endpoint", default="https://sts.googleapis.com", help="for fakes")
    add("--iam-credentials-endpoint", default="https://iamcredentials.googleapis.com", help="for fakes")
    options = parser.parse_args(arguments)
    if not ROLE.fullmatch(options.role_arn):
        parser.error(f"--role-arn: expected arn:aws:iam::ACCOUNT:role/{PREFIX}…, found {options.role_arn!r}")
    options.pool = options.pool or POOL_PREFIX + secrets.token_hex(3)
    options.agent = options.agent or bool(options.eks_cluster)
    options.deny_all, options.token_only = session_policies(ROOT)
    return options


def use_context(console, context, folder):
    """Write a kubeconfig with one context, because the printed commands use the current one."""
    command = ["kubectl", "config", "view", "--minify", "--flatten", "--raw", *(["--context", context] if context else [])]
    result = console.try_run(*command)
    if result.returncode:
        raise CommandFailed(result.stderr.strip())
    path = pathlib.Path(folder, "kubeconfig")
    path.touch(mode=0o600)
    path.write_text(result.stdout)
    console.environment["KUBECONFIG"] = str(path)


def check_of(question):
    """Return the function that answers a question: it has the name of the question's ID."""
    name = question.id.replace("-", "_")
    return getattr(sts_checks, name, None) or getattr(pod_checks, name)


def ask(world, question):
    """Answer a question. What this environment lacks is an answer too."""
    started = time.monotonic()
    try:
        answer = check_of(question)(world)
    except NotAsked as error:
        answer = Answer(Verdict.NOT_ASKED, str(error))
    except Exception as error:  # an error of one question is its answer, and the others are asked
        answer = Answer(Verdict.UNKNOWN, f"{type(error).__name__}: {error}")
    seconds = time.monotonic() - started
    text = world.console.for_report(report.cell(answer.found))
    world.console.say(f"{question.id}: {answer.verdict.value}: {text} ({seconds:.0f} s)")
    return answer


def prepare(world, questions):
    """Begin what takes a minute, while other questions are asked. The question itself reports an error."""
    if any(question.id == "expired-federated-token" for question in questions):
        try:
            world.short_token()
        except Exception as error:
            world.console.say(f"expired-federated-token: {error}")


def facts_of(console, options):
    kubernetes = console.try_run("kubectl", "version", "--output", "json").stdout
    kubernetes = re.findall(r'"gitVersion": *"([^"]*)"', kubernetes)
    return [
        ("date", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())),
        ("rolebridge", console.run("rolebridge", "--version").split()[-1]),
        ("Kubernetes", kubernetes[-1] if kubernetes else "unknown"),
        ("region", options.region),
    ]


def run(options, console, folder):
    """Ask the questions, remove what was made, and return the report and the exit code."""
    questions = [question for question in QUESTIONS if not options.only or question.id in options.only]
    removals, answers, error = Removals(console), [], None
    try:
        use_context(console, options.context, folder)
        facts = facts_of(console, options)
        sts = Sts(console, options.region)
        google = Google(console, options.google_sts_endpoint, options.iam_credentials_endpoint)
        world = World(options, console, removals, Cluster(console, options.timeout), sts, google)
        if left := sweep(world):
            raise CommandFailed("an earlier run left what cannot be removed: " + "; ".join(left))
        prepare(world, questions)
        for question in questions:
            answers.append((question, ask(world, question)))
    except (CommandFailed, Interrupted, OSError) as failure:
        error = failure
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_IGN)
        left = removals.run()
    if left:
        console.say("not removed:\n" + "\n".join(left))
    if error:
        console.say(f"acceptance: {error or 'interrupted'}")
        return None, 3 if left else 2
    bad = any(answer.verdict in (Verdict.CONTRADICTION, Verdict.UNKNOWN) for _, answer in answers)
    return report.render(facts, answers, left), 3 if left else int(bad)


def main(arguments):
    options = parse_options(arguments)
    if not options.yes:
        print(COST + "Start it with --yes.", file=sys.stderr)
        return 2
    account = options.role_arn.split(":")[4]
    names = {account: "ACCOUNT", options.project: "PROJECT", options.pool: "POOL"}
    region = {"AWS_REGION": options.region, "AWS_DEFAULT_REGION": options.region}  # the first for version 2 of aws, the second for 1
    console = Console({**os.environ, **region, **WITHOUT_A_PERSON}, names)
    console.say(COST)

    def interrupt(number, _):
        raise Interrupted(signal.Signals(number).name)

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, interrupt)
    with tempfile.TemporaryDirectory() as folder:
        text, code = run(options, console, folder)
    if text:
        text = console.for_report(text)
        if options.report:
            options.report.write_text(text)
        else:
            print(text, end="")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
