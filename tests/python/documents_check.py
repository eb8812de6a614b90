"""Check recorded calls of the fake clouds against the vendors' documents.

`python documents_check.py FOLDER` reads what the fakes wrote for `FAKE_CLOUDS_RECORDS`: the calls of their own tests in
`FOLDER/fakes`, and those of the real programs in `FOLDER/programs`. The judges are botocore's models for AWS and the
discovery documents of google-api-python-client for Google. `documents.yaml` lists what no document describes, with reasons.
An entry that nothing needs is an error.
"""

import collections
import copy
import json
import pathlib
import re
import sys
import urllib.parse

import aws_models
import botocore
import discovery
import yaml

HERE = pathlib.Path(__file__).parent
# The discovery document of each service.
APIS = {"GoogleSts": "sts.v1", "IamCredentials": "iamcredentials.v1", "Storage": "storage.v1", "BigQuery": "bigquery.v2"}
# Fields of a form that may be repeated: they are arrays in JSON.
ARRAYS = {"scope", "delegates"}


def read_records(folder):
    files = sorted(pathlib.Path(folder).glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def parse_json(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


class Judge:
    """Checks calls, and remembers what of `documents.yaml` was needed."""

    def __init__(self):
        self.listed = yaml.safe_load((HERE / "documents.yaml").read_text(encoding="utf-8"))
        self.errors = {entry["code"]: (entry["status"], entry["type"]) for entry in self.listed["aws_errors"]}
        self.undocumented = {entry["operation"]: entry for entry in self.listed["undocumented"]}
        self.used = set()
        self.sts, self.eks_auth, self.google = aws_models.Sts(), aws_models.EksAuth(), discovery.Validator()

    def check(self, call):
        """Return the problems of a call."""
        if self._is_undocumented(call):
            return []
        if call["service"] == "AwsSts":
            return list(self.sts_calls_match_the_model(call))
        if call["service"] == "PodIdentity":
            return list(self.agent_calls_match_the_model(call))
        return self.google_calls_match_the_documents(call)

    def _is_undocumented(self, call):
        entry = self.undocumented.get(call["operation"])
        found = entry is not None and re.fullmatch(entry.get("path", ".*"), call["uri"].split("?")[0]) is not None
        if found:
            self.used.add(entry["operation"])
        return found

    def sts_calls_match_the_model(self, call):
        yield from self.sts.check(call, self.errors)
        code = re.search("<Code>(.+?)</Code>", call["response_body"])
        if code:
            self.used.add(code[1])

    def agent_calls_match_the_model(self, call):
        if call["status"] == 200:
            token = dict(call["request_headers"])["authorization"]
            for problem in self.eks_auth.check_token(token):
                yield f"agent: accepted a token that the model refuses: {problem}"
            for problem in self.eks_auth.check_credentials(parse_json(call["response_body"])):
                yield f"agent: {problem}"
        else:
            for problem in self.eks_auth.check_forwarded_error(call["status"], call["response_body"]):
                yield f"agent: {problem}"

    def google_calls_match_the_documents(self, call):
        headers = dict(call["request_headers"])
        body = parse_json(call["request_body"])
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            fields = urllib.parse.parse_qs(call["request_body"], keep_blank_values=True)
            # STS has one scope parameter, with spaces; IAM Credentials has one for each scope.
            arrays = ARRAYS if call["service"] == "IamCredentials" else set()
            body = {name: values if name in arrays else values[0] for name, values in fields.items()}
        answer = parse_json(call["response_body"])
        api = APIS[call["service"]]
        problems = self.google.check(api, call["method"], call["uri"], body, call["status"], answer)
        if call["operation"] == "ExchangeToken" and call["status"] == 200:
            problems += self.signed_requests_have_the_documents_headers(body)
        return problems

    def signed_requests_have_the_documents_headers(self, body):
        """Return the problems of a subject token that is a signed request. The document describes it in prose."""
        if body["subject_token_type"] != "urn:ietf:params:aws:token-type:aws4_request":
            return []
        schema = self.google.document("sts.v1").schemas["GoogleIdentityStsV1ExchangeTokenRequest"]
        required = re.findall(r"- `([\w-]+)`: ", schema["properties"]["subjectToken"]["description"].split("for AWS")[1])
        signed = json.loads(urllib.parse.unquote(body["subject_token"]))
        present = {header["key"].lower() for header in signed["headers"]} | signed.keys()
        problems = [f"signed request: {name} is missing" for name in required if name.lower() not in present]
        if signed["method"] != "POST":
            problems.append(f"signed request: expected the method POST, found {signed['method']}")
        return problems

    def unused(self):
        """Return the entries of `documents.yaml` that no call needed."""
        return sorted((self.errors.keys() | self.undocumented.keys()) - self.used)


# Ways to break a call, each with the words of the problem. A check that cannot fail would pass them.
MUTATIONS = [
    ("AssumeRoleWithWebIdentity", 200, "response_body", "AssumedRoleId>", "AssumedRoleID>", "AssumedRoleID is unknown"),
    ("AssumeRoleWithWebIdentity", 200, "response_body", "https://sts.amazonaws.com/doc/", "https://sts/", "expected the element"),
    ("AssumeRoleWithWebIdentity", 200, "response_body", "Z</Expiration>", "</Expiration>", "expected a timestamp"),
    ("AssumeRoleWithWebIdentity", 200, "request_body", "RoleSessionName=", "RoleSessionName=%3A", "expected the pattern"),
    ("AssumeRoleWithWebIdentity", 200, "request_body", "RoleSessionName=", "SessionName=", "required parameter is missing"),
    ("AssumeRoleWithWebIdentity", 400, "response_body", "<Type>Sender", "<Type>Receiver", "Receiver"),
    ("AssumeRoleWithWebIdentity", 400, "response_body", "</Code>", "X</Code>", "is not an error of the model"),
    ("GetWebIdentityToken", 200, "request_body", "SigningAlgorithm=", "SigningAlgorithm=X", "the length to be at most 5"),
    ("PodCredentials", 200, "response_body", '"SecretAccessKey"', '"SecretKey"', "SecretAccessKey: expected a string"),
    ("PodCredentials", 404, "response_body", "ResourceNotFoundException", "InvalidTokenException", "InvalidTokenException: expected"),
    ("ExchangeToken", 200, "request_body", "grant_type=", "grant=", "grant: unknown field"),
    ("ExchangeToken", 200, "response_body", '"expires_in": ', '"expires_in": 0.', "expected an integer"),
    ("ExchangeToken", 200, "request_body", "x%252Damz%252Ddate", "x%252Damz%252Dday", "signed request: x-amz-date is missing"),
    ("ExchangeToken", 400, "response_body", '"error_description"', '"description"', "unknown field description"),
    ("GenerateAccessToken", 200, "request_body", '"scope"', '"scopes"', "scopes: unknown field"),
    ("GenerateAccessToken", 200, "response_body", 'Z"', '"', "google-datetime"),
    ("GenerateAccessToken", 403, "response_body", "PERMISSION_DENIED", "NOT_FOUND", "does not belong to 403"),
    ("GenerateIdToken", 200, "response_body", '"token"', '"idToken"', "idToken: unknown field"),
    ("SignBlob", 200, "request_body", '"payload"', '"bytesToSign"', "bytesToSign: unknown field"),
    ("SignBlob", 200, "response_body", '"signedBlob"', '"signature"', "signature: unknown field"),
    ("AllowedLocations", 200, "response_body", '"encodedLocations"', '"encoded"', "encoded: unknown field"),
    ("ListObjects", 200, "response_body", '"items"', '"objects"', "objects: unknown field"),
    ("GetObject", 200, "response_body", '"size": "', '"size": "a', "expected the format uint64"),
    ("Query", 200, "response_body", '"jobComplete": true', '"jobComplete": "true"', "expected a boolean"),
    ("InsertJob", 200, "response_body", '"statistics"', '"statistic"', "statistic: unknown field"),
    ("GetQueryResults", 200, "uri", "?", "?maxRows=1&", "maxRows: unknown query parameter"),
]


def undetected(records):
    """Yield the mutations that no check notices."""
    for operation, status, part, old, new, expected in MUTATIONS:
        calls = (it for it in records if (it["operation"], it["status"]) == (operation, status))
        call = next((it for it in calls if old in it[part]), None)
        name = f"mutation of {operation} {status}, {old!r} to {new!r}"
        if call is None:
            yield f"{name}: no recorded call has the text"
            continue
        judge = Judge()
        if judge.check(call):
            continue  # reported as a problem of the call itself
        broken = copy.deepcopy(call)
        broken[part] = broken[part].replace(old, new)
        problems = judge.check(broken)
        if not any(expected in problem for problem in problems):
            yield f"{name}: expected a problem with {expected!r}, found {problems}"


def main(folder):
    judge = Judge()
    sources = {name: read_records(pathlib.Path(folder) / name) for name in judge.listed["operations"]}
    records = [call for calls in sources.values() for call in calls]
    problems = collections.Counter(problem for call in records for problem in judge.check(call))
    for source, calls in sources.items():
        listed = judge.listed["operations"][source]
        found = {f"{call['service']}: {call['operation']}" for call in calls if call["status"] < 300}
        problems.update(f"{source}: {name}: no successful call was recorded" for name in set(listed) - found)
        problems.update(f"{source}: {name} is not listed in documents.yaml" for name in found - set(listed))
        print(f"{source}: {len(calls)} calls of {len(found)} operations")
    for name in judge.unused():
        problems[f"documents.yaml: no call needs {name}"] += 1
    problems.update(undetected(records))
    print(f"{len(MUTATIONS)} mutations; botocore {botocore.__version__}")
    for api, document in sorted(judge.google.documents.items()):
        print(f"discovery document {api}, revision {document.revision}")
    for problem, count in problems.most_common():
        print(f"documents: {problem} ({count} calls)", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
