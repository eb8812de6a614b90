#!/usr/bin/env python3
"""Run the program on the fakes without a cluster: the questions that need no pod, with the real `aws` and `gcloud`.

on_fakes.py FAKE-CLOUDS ROLEBRIDGE: the paths of both programs. A kubectl of its own issues the tokens of a cluster.
"""

import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

HERE = pathlib.Path(__file__).parent
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF"
QUESTIONS = [
    "deny-all-denies",
    "web-identity-token-policy",
    "google-takes-partitions",
    "other-account-words",
    "signature-age",
    "expired-federated-token",
    "introspect-without-client-authentication",
]
SECRET = re.compile(r"eyJ[\w-]+\.|ASIA[A-Z0-9]{16}|Signature=[0-9a-f]")


def kubectl(arguments, key_file):
    """Answer as kubectl does, and issue tokens."""
    text = " ".join(arguments)
    if "openid-configuration" in text:
        print(json.dumps({"issuer": ISSUER}))
    if "config view" in text:
        print("{}")
    if "create token" in text:
        namespace, account = arguments[arguments.index("--namespace") + 1], arguments[arguments.index("token") + 1]
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": f"system:serviceaccount:{namespace}:{account}", "iat": now, "exp": now + 600}
        claims["aud"] = [arguments[arguments.index("--audience") + 1]]
        key = serialization.load_pem_private_key(pathlib.Path(key_file).read_bytes(), None)
        text = encode(json.dumps({"alg": "RS256", "kid": "1"}).encode()) + "." + encode(json.dumps(claims).encode())
        print(text + "." + encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())))


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def write_key(folder):
    """Write the key of the cluster, and return its public part as a JWKS document."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key").write_bytes(key.private_bytes(*form))
    numbers = key.public_key().public_numbers()
    parts = {name: encode(number.to_bytes(length, "big")) for name, number, length in (("n", numbers.n, 256), ("e", numbers.e, 3))}
    return json.dumps({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", **parts}]})


class OnFakes(unittest.TestCase):
    clouds = rolebridge = None

    def start(self, *options):
        """Start fakes with their own cluster, and return the environment of the program."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = folder = pathlib.Path(temporary.name)
        (folder / "keys").write_text(write_key(folder))
        (folder / "kubectl").write_text(f"#!/bin/sh\nexec {sys.executable} {pathlib.Path(__file__).resolve()} --kubectl {folder}/key \"$@\"\n")
        (folder / "kubectl").chmod(0o755)
        (folder / "rolebridge").symlink_to(self.rolebridge)
        command = [sys.executable, HERE / "fakes.py", self.clouds, folder, "--address", "127.0.0.1", "--issuer", ISSUER]
        fakes = subprocess.Popen([*command, "--keys", folder / "keys", *options])
        self.addCleanup(fakes.wait)
        self.addCleanup(fakes.terminate)
        while not (folder / "environment").exists():
            self.assertIsNone(fakes.poll(), "the fakes ended early")
            time.sleep(0.05)
        lines = [line.removeprefix("export ").split("=", 1) for line in (folder / "environment").read_text().splitlines()]
        return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", **dict(lines)}

    def accept(self, environment, questions):
        """Run the program, and return its exit code, its report, and all that it printed."""
        command = [HERE / "run", "--yes", "--project", environment["PROJECT"], "--timeout", "30"]
        command += ["--role-arn", f"arn:aws:iam::{environment['ACCOUNT']}:role/rolebridge-acceptance"]
        command += ["--google-sts-endpoint", environment["GOOGLE_STS"], "--iam-credentials-endpoint", environment["IAM_CREDENTIALS"]]
        for question in questions:
            command += ["--only", question]
        result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertNotRegex(result.stdout + result.stderr, SECRET)
        self.log = result.stderr
        return result.returncode, result.stdout, result.stderr

    def row(self, report, question):
        """Return the row of a question: what was found, and whether it was expected."""
        match = re.search(rf"^\| {question} \| (.*) \| ([a-z ]*) \|$", report, re.MULTILINE)
        self.assertIsNotNone(match, report or self.log)
        return match.groups()

    def assert_nothing_is_left(self, environment):
        clouds = json.loads((self.folder / "clouds.json").read_text())["aws"]
        account = clouds["accounts"][0]
        self.assertEqual(([], [], None), (account["roles"], account["oidcProviders"], account["outboundIssuer"]))
        for kind, where in (("workload-identity-pools", ["--location", "global"]), ("service-accounts", [])):
            command = ["gcloud", "iam", kind, "list", "--project", environment["PROJECT"], *where, "--format", "value(name)"]
            result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            self.assertEqual("", result.stdout.strip())

    def test_each_question_has_the_answer_of_these_fakes(self):
        environment = self.start()
        code, report, log = self.accept(environment, QUESTIONS)
        self.assertEqual({question: "yes" for question in QUESTIONS}, {question: self.row(report, question)[1] for question in QUESTIONS}, log)
        self.assertEqual(0, code, log)
        self.assert_nothing_is_left(environment)

    def test_a_contradiction_is_reported_and_everything_is_removed(self):
        environment = self.start("--signature-minutes", "3")
        code, report, log = self.accept(environment, ["deny-all-denies", "signature-age"])
        self.assertEqual(1, code, log)
        self.assertEqual("yes", self.row(report, "deny-all-denies")[1])
        found, verdict = self.row(report, "signature-age")
        self.assertEqual("no", verdict)
        self.assertRegex(found, r"4 minutes: AWS 403: SignatureDoesNotMatch: Signature expired")
        self.assertRegex(report, r"(?m)^- signature-age: expected at least 5 minutes, found: .* Change: `SIGNATURE_LIFETIME` in ")
        self.assert_nothing_is_left(environment)


if __name__ == "__main__":
    if sys.argv[1] == "--kubectl":
        kubectl(sys.argv[3:], sys.argv[2])
    else:
        OnFakes.clouds, OnFakes.rolebridge = (os.path.abspath(path) for path in sys.argv[1:3])
        unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
