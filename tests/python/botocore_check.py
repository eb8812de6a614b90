"""AWS's own Python library (botocore), unchanged, at the fake AWS, and as a second opinion on our signatures; and the
fake AWS that others use (moto), as a second opinion on our calls.

Its environment (tests/integration/botocore_python.rs) says where things are; AWS's own variables are botocore's to read.
"""

import http.server
import json
import logging
import os
import pathlib
import re
import ssl
import subprocess
import threading
import unittest
import urllib.parse
import urllib.request

import botocore
import moto
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.session import Session
from moto.server import ThreadedMotoServer

REGION = os.environ["AWS_REGION"]
ROLE = os.environ["AWS_ROLE_ARN"]
SESSION = "arn:aws:sts::123456789012:assumed-role/nightly-report/shop.nightly-report"


def token(variable="AWS_WEB_IDENTITY_TOKEN_FILE"):
    with open(os.environ[variable], encoding="ascii") as file:
        return file.read()


def client(**arguments):
    return Session().create_client("sts", region_name=REGION, **arguments)


class TheFakeAws(unittest.TestCase):
    """botocore finds its credentials by itself, over TLS, and reads what the fake answers."""

    def test_the_default_chain_assumes_the_role_and_signs(self):
        who = client().get_caller_identity()
        self.assertEqual(who["Arn"], SESSION)
        self.assertEqual(who["Account"], "123456789012")
        self.assertRegex(who["UserId"], r"^AROA[A-Z0-9]{17}:shop.nightly-report$")

    def assume(self, sts, **changes):
        request = {
            "RoleArn": ROLE,
            "RoleSessionName": "shop.nightly-report",
            "WebIdentityToken": token(),
            "Policy": os.environ["SESSION_POLICY"],
        }
        return sts.assume_role_with_web_identity(**request | changes)

    def test_every_part_of_a_session_is_read(self):
        answer = self.assume(client(), DurationSeconds=900)
        credentials = answer["Credentials"]
        self.assertRegex(credentials["AccessKeyId"], r"^ASIA[A-Z0-9]{16}$")
        self.assertEqual(credentials["Expiration"].utcoffset().total_seconds(), 0)
        self.assertTrue(credentials["SecretAccessKey"] and credentials["SessionToken"])
        self.assertEqual(answer["SubjectFromWebIdentityToken"], "system:serviceaccount:shop:nightly-report")
        self.assertEqual(answer["Audience"], "sts.amazonaws.com")
        self.assertIn(":oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/", answer["Provider"])
        self.assertEqual(answer["AssumedRoleUser"]["Arn"], SESSION)
        self.assertGreater(answer["PackedPolicySize"], 0)
        self.assertRegex(answer["ResponseMetadata"]["RequestId"], r"^[0-9a-f-]{36}$")

    def test_what_the_session_may_not_do(self):
        credentials = self.assume(client())["Credentials"]
        sts = client(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
        self.assertEqual(sts.get_caller_identity()["Arn"], SESSION)
        with self.assertRaises(ClientError) as refused:
            sts.get_session_token()
        self.assertEqual(refused.exception.response["Error"]["Code"], "AccessDenied")
        self.assertIn("is not authorized to perform: sts:GetSessionToken", str(refused.exception))

    def test_errors_are_botocores_own_classes(self):
        sts = client()
        for changes, kind, code, message in [
            (
                {"RoleArn": ROLE + "-absent"},
                ClientError,
                "AccessDenied",
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            ),
            (
                {"WebIdentityToken": token("EXPIRED_TOKEN_FILE")},
                sts.exceptions.ExpiredTokenException,
                "ExpiredTokenException",
                "Token expired: current date/time ",
            ),
            (
                {"WebIdentityToken": token()[:-8] + "AAAAAAAA"},
                sts.exceptions.InvalidIdentityTokenException,
                "InvalidIdentityToken",
                "Couldn't retrieve verification key from your identity provider",
            ),
            (
                {"Policy": "{"},
                sts.exceptions.MalformedPolicyDocumentException,
                "MalformedPolicyDocument",
                "This policy contains invalid Json",
            ),
            (
                {"RoleSessionName": "shop:nightly"},
                ClientError,
                "ValidationError",
                "1 validation error detected: Value 'shop:nightly' at 'roleSessionName' failed",
            ),
        ]:
            with self.subTest(code):
                with self.assertRaises(kind) as refused:
                    self.assume(sts, **changes)
                error = refused.exception.response["Error"]
                self.assertEqual((error["Type"], error["Code"]), ("Sender", code))
                self.assertTrue(error["Message"].startswith(message), error["Message"])


def token_of_the_sidecar(endpoint):
    """The document in a subject token that the real sidecar makes with a session from `endpoint`."""
    written = subprocess.run(
        [os.environ["SIDECAR"], "token"],
        env=os.environ | {"AWS_ENDPOINT_URL_STS": endpoint},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return json.loads(urllib.parse.unquote(written))


def headers_of(document):
    return {header["key"]: header["value"] for header in document["headers"]}


def signed_by_botocore(document, region, secret):
    """The canonical request and the header Authorization of a document's request, as botocore makes them."""
    headers = headers_of(document)
    authorization = headers.pop("Authorization")
    key_id = re.search("Credential=([A-Z0-9]+)/", authorization)[1]
    signer = SigV4Auth(Credentials(key_id, secret, headers["x-amz-security-token"]), "sts", region)
    request = AWSRequest(method=document["method"], url=document["url"], headers=headers)
    request.context["timestamp"] = headers["x-amz-date"]
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    signed_headers = signer.signed_headers(signer.headers_to_sign(request))
    scope = signer.scope(request)
    return canonical, f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed_headers}, Signature={signature}"


class OurSignatures(unittest.TestCase):
    def test_the_vector_of_the_sidecars_own_tests(self):
        vector = pathlib.Path(os.environ["VECTOR"])
        document = json.loads((vector / "request.json").read_text())
        canonical, authorization = signed_by_botocore(
            document, "us-east-2", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        )
        self.assertEqual(canonical, (vector / "canonical-request.txt").read_text())
        self.assertEqual(authorization, headers_of(document)["Authorization"])

    def test_a_token_of_the_real_sidecar(self):
        with overheard() as (endpoint, answers):
            document = token_of_the_sidecar(endpoint)
        (answer,) = answers
        secret = re.search("<SecretAccessKey>(.+?)</SecretAccessKey>", answer)[1]
        _, authorization = signed_by_botocore(document, REGION, secret)
        self.assertEqual(authorization, headers_of(document)["Authorization"])


class AnotherFakeAws(unittest.TestCase):
    def test_moto_gives_the_sidecar_a_session_and_knows_it_again(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        self.addCleanup(server.stop)
        host, port = server.get_host_and_port()
        document = token_of_the_sidecar(f"http://{host}:{port}")
        url = document["url"].replace("https://sts.eu-west-1.amazonaws.com", f"http://{host}:{port}/")
        request = urllib.request.Request(url, method=document["method"], headers=headers_of(document))
        with urllib.request.urlopen(request) as response:
            self.assertIn(f"<Arn>{SESSION}</Arn>", response.read().decode())


class overheard:
    """Passes requests on to the fake AWS and keeps its answers: only so can a test know the sidecar's secret."""

    def __enter__(self):
        answers = []
        upstream = os.environ["AWS_ENDPOINT_URL_STS"]
        trust = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                form = self.rfile.read(int(self.headers["content-length"]))
                request = urllib.request.Request(upstream, form)
                with urllib.request.urlopen(request, context=trust) as response:
                    body = response.read()
                answers.append(body.decode())
                self.send_response(200)
                self.send_header("content-type", "text/xml")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever).start()
        return f"http://127.0.0.1:{self.server.server_port}", answers

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    print(f"botocore {botocore.__version__}, moto {moto.__version__}")
    unittest.main(verbosity=2)
