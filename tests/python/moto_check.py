"""Compare the fake AWS with moto, another fake AWS, and with the limits of botocore's model.

Both answer the same requests. `moto.yaml` lists the differences, each with a reason. A difference that is not listed is an
error, and so is a listed one that no longer exists. The fake must also refuse what the model refuses, which moto accepts.
"""

import logging
import os
import pathlib
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

import aws_models
import boto3
import moto
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from moto.server import ThreadedMotoServer

HERE = pathlib.Path(__file__).parent
REGION = os.environ["AWS_REGION"]
ROLE = os.environ["AWS_ROLE_ARN"]
SESSION_NAME = "shop.nightly-report"
DENY_ALL = os.environ["SESSION_POLICY"]
# A request that breaks a limit of the model gets this answer.
REFUSAL = "400 ValidationError: "


def read(variable):
    return pathlib.Path(os.environ[variable]).read_text(encoding="ascii")


TOKEN = read("AWS_WEB_IDENTITY_TOKEN_FILE")
ASSUME = {"RoleArn": ROLE, "RoleSessionName": SESSION_NAME, "WebIdentityToken": TOKEN}
OUTBOUND = {"Audience": ["//iam.googleapis.com/x"], "SigningAlgorithm": "RS256"}


def out_of_limits(operation, valid):
    """Yield a name and the parameters of a request for each limit of an operation, broken."""
    shape = aws_models.model("sts").operation_model(operation).input_shape
    for name in shape.required_members:
        yield f"without {name}", {key: value for key, value in valid.items() if key != name}
    for name, member in shape.members.items():
        limits = member.metadata
        text = valid.get(name, "")
        if member.type_name == "string":
            sized = lambda size, text=text: (text + "a" * size)[:size]
        elif member.type_name == "integer":
            sized = int
        else:
            sized = lambda size: [f"audience-{number}" for number in range(size)]
        # An empty list is a parameter that is absent, so its lower limit is the case "without".
        if limits.get("min", 0) > (0 if member.type_name == "integer" else 1):
            yield f"{name} below {limits['min']}", valid | {name: sized(limits["min"] - 1)}
        if "max" in limits and name != "Tags":
            yield f"{name} above {limits['max']}", valid | {name: sized(limits["max"] + 1)}
        if "pattern" in limits and not aws_models.pattern(limits["pattern"]).fullmatch("\u2603"):
            yield f"{name} outside of its pattern", valid | {name: valid.get(name, "aaaaaa")[:-1] + "\u2603"}


class Side:
    """One of the two fakes."""

    def __init__(self, endpoint, verify):
        self.endpoint, self.verify = endpoint, verify

    def client(self, credentials=None):
        keys = credentials or {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x", "SessionToken": None}
        return boto3.client(
            "sts",
            region_name=REGION,
            endpoint_url=self.endpoint,
            verify=self.verify,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
        )

    def session(self, **parameters):
        return self.client().assume_role_with_web_identity(**ASSUME | parameters)["Credentials"]

    def call(self, operation, parameters, credentials=None):
        """Return what a call leads to, as a line of text."""
        client = self.client(credentials)
        try:
            answer = client._make_api_call(operation, parameters)
        except ClientError as error:
            details = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return f"{status} {details['Code']}: {details['Message']}"
        except ResponseParserError:
            return "an answer that botocore cannot parse"
        answer.pop("ResponseMetadata")
        return "200 " + " ".join(members(answer))


# Members of which both fakes must return the same value.
VALUES = {"Arn", "Account", "Audience", "SubjectFromWebIdentityToken"}


def members(answer, prefix=""):
    """Return the names of an answer's members, some with their values."""
    names = []
    for name, value in sorted(answer.items()):
        if isinstance(value, dict):
            names += members(value, f"{prefix}{name}.")
        else:
            names.append(f"{prefix}{name}={value}" if name in VALUES else f"{prefix}{name}")
    return names


def cases(side):
    """Yield the name and the outcome of each case."""
    assume = "AssumeRoleWithWebIdentity"
    yield assume, side.call(assume, ASSUME)
    yield f"{assume} with a policy", side.call(assume, ASSUME | {"Policy": DENY_ALL})
    for name, changes in [
        ("an expired token", {"WebIdentityToken": read("EXPIRED_TOKEN_FILE")}),
        ("a forged token", {"WebIdentityToken": TOKEN[:-8] + "AAAAAAAA"}),
        ("a token that is no JWT", {"WebIdentityToken": "token"}),
        ("an absent role", {"RoleArn": ROLE + "-absent"}),
        ("a policy that is no JSON", {"Policy": "{"}),
        ("a duration over the role's", {"DurationSeconds": 7200}),
    ]:
        yield f"{assume}: {name}", side.call(assume, ASSUME | changes)
    yield from signed_cases(side)


def signed_cases(side):
    session = side.session()
    identity, outbound = "GetCallerIdentity", "GetWebIdentityToken"
    yield identity, side.call(identity, {}, session)
    yield f"{identity} after deny-all", side.call(identity, {}, side.session(Policy=DENY_ALL))
    for name, changes in [
        ("an unknown key", {"AccessKeyId": "ASIAAAAAAAAAAAAAAAAA"}),
        ("a wrong secret", {"SecretAccessKey": "x"}),
        ("a wrong session token", {"SessionToken": "x"}),
        ("no session token", {"SessionToken": None}),
    ]:
        yield f"{identity}: {name}", side.call(identity, {}, session | changes)
    denied = side.session(Policy=DENY_ALL)
    yield "GetSessionToken after deny-all", side.call("GetSessionToken", {}, denied)
    yield outbound, side.call(outbound, OUTBOUND, session)
    yield "an unknown action", raw(side, "Action=Unknown&Version=2011-06-15")
    yield "an unknown version", raw(side, "Action=GetCallerIdentity&Version=2011-06-16")


def raw(side, form):
    """Return the outcome of a request that botocore would not make."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    request = urllib.request.Request(side.endpoint, form.encode(), headers)
    context = ssl.create_default_context(cafile=side.verify) if isinstance(side.verify, str) else None
    try:
        with urllib.request.urlopen(request, context=context) as response:
            return str(response.status)
    except urllib.error.HTTPError as error:
        code = re.search("<Code>(.+?)</Code>", error.read().decode())
        return f"{error.code} {code[1] if code else 'without a code'}"


def limit_cases(side):
    """Yield the name and the outcome of each request that the model refuses."""
    for name, parameters in out_of_limits("AssumeRoleWithWebIdentity", ASSUME):
        yield f"AssumeRoleWithWebIdentity {name}", side.call("AssumeRoleWithWebIdentity", parameters)
    session = side.session()
    for name, parameters in out_of_limits("GetWebIdentityToken", OUTBOUND):
        yield f"GetWebIdentityToken {name}", side.call("GetWebIdentityToken", parameters, session)


def compare(fake, other, listed):
    """Yield the differences that are not listed, and the listed ones that do not exist."""
    different = {name for name in fake if fake[name] != other[name]}
    for entry in listed:
        covered = {name for name in fake if re.fullmatch(entry["cases"], name)}
        if not covered:
            yield f"moto.yaml: {entry['cases']}: there is no such case"
        for name in covered - different:
            yield f"moto.yaml: {name}: both answer {fake[name]}, so the difference is gone"
        for name in covered & different:
            if not re.fullmatch(entry["moto"], other[name]):
                yield f"{name}: expected moto to answer {entry['moto']}, found {other[name]}"
        different -= covered
    yield from (f"{name}: the fake answers {fake[name]}, moto {other[name]}" for name in sorted(different))


def undetected(fake, other, listed):
    """Yield what `compare` does not notice: a difference that is not listed, and a listed one that is gone."""
    for name in fake:
        if fake[name] == other[name]:
            changed = compare(fake | {name: "500"}, other, listed)
        else:
            changed = compare(fake | {name: other[name]}, other, listed)
        if not any(name in problem for problem in changed):
            yield f"{name}: a change of the fake's answer was not noticed"


def main():
    # moto writes a stack trace for each action that it lacks.
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    ours = Side(os.environ["AWS_ENDPOINT_URL_STS"], os.environ["AWS_CA_BUNDLE"])
    fake, other = dict(cases(ours)), dict(cases(Side(f"http://{host}:{port}", True)))
    server.stop()
    listed = yaml.safe_load((HERE / "moto.yaml").read_text(encoding="utf-8"))
    problems = [*compare(fake, other, listed), *undetected(fake, other, listed)]
    limits = dict(limit_cases(ours))
    for name, outcome in limits.items():
        if not outcome.startswith(REFUSAL):
            problems.append(f"{name}: botocore's model refuses the request, and the fake answers {outcome}")
    same = sum(fake[name] == other[name] for name in fake)
    print(f"moto {moto.__version__}: {len(fake)} requests, {same} answered alike, {len(fake) - same} differences with a reason")
    print(f"botocore's model: {len(limits)} requests outside of its limits")
    for problem in problems:
        print(f"moto: {problem}", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
