"""Check the fake AWS and the sidecar with independent implementations.

botocore, AWS's Python library, calls the fake AWS and verifies the sidecar's signatures. moto, another fake AWS,
verifies the sidecar's calls. tests/tests/integration/botocore_python.rs sets the environment variables; botocore reads
those of AWS.
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


class FakeAwsTest(unittest.TestCase):
    """botocore finds its credentials through the default chain, over TLS, and parses the fake's responses."""

    def test_default_chain_assumes_role_and_signs(self):
        caller = client().get_caller_identity()
        self.assertEqual(caller["Arn"], SESSION)
        self.assertEqual(caller["Account"], "123456789012")
        self.assertRegex(caller["UserId"], r"^AROA[A-Z0-9]{17}:shop.nightly-report$")

    def assume(self, sts, **changes):
        request = {
            "RoleArn": ROLE,
            "RoleSessionName": "shop.nightly-report",
            "WebIdentityToken": token(),
            "Policy": os.environ["SESSION_POLICY"],
        }
        return sts.assume_role_with_web_identity(**request | changes)

    def test_assume_role_returns_complete_session(self):
        response = self.assume(client(), DurationSeconds=900)
        credentials = response["Credentials"]
        self.assertRegex(credentials["AccessKeyId"], r"^ASIA[A-Z0-9]{16}$")
        self.assertEqual(credentials["Expiration"].utcoffset().total_seconds(), 0)
        self.assertTrue(credentials["SecretAccessKey"] and credentials["SessionToken"])
        self.assertEqual(response["SubjectFromWebIdentityToken"], "system:serviceaccount:shop:nightly-report")
        self.assertEqual(response["Audience"], "sts.amazonaws.com")
        self.assertIn(":oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/", response["Provider"])
        self.assertEqual(response["AssumedRoleUser"]["Arn"], SESSION)
        self.assertGreater(response["PackedPolicySize"], 0)
        self.assertRegex(response["ResponseMetadata"]["RequestId"], r"^[0-9a-f-]{36}$")

    def test_session_policy_denies_other_actions(self):
        credentials = self.assume(client())["Credentials"]
        sts = client(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
        self.assertEqual(sts.get_caller_identity()["Arn"], SESSION)
        with self.assertRaises(ClientError) as raised:
            sts.get_session_token()
        self.assertEqual(raised.exception.response["Error"]["Code"], "AccessDenied")
        self.assertIn("is not authorized to perform: sts:GetSessionToken", str(raised.exception))

    def test_errors_have_botocore_exception_classes(self):
        sts = client()
        for changes, exception, code, message in [
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
                with self.assertRaises(exception) as raised:
                    self.assume(sts, **changes)
                error = raised.exception.response["Error"]
                self.assertEqual((error["Type"], error["Code"]), ("Sender", code))
                self.assertTrue(error["Message"].startswith(message), error["Message"])


def sidecar_subject_token(endpoint):
    """Return the request in a subject token that the real sidecar makes with a session from `endpoint`."""
    output = subprocess.run(
        [os.environ["SIDECAR"], "token"],
        env=os.environ | {"AWS_ENDPOINT_URL_STS": endpoint},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return json.loads(urllib.parse.unquote(output))


def headers_of(request):
    return {header["key"]: header["value"] for header in request["headers"]}


def sign_with_botocore(subject_token, region, secret):
    """Return the canonical request and the header Authorization that botocore makes for a subject token's request."""
    headers = headers_of(subject_token)
    authorization = headers.pop("Authorization")
    key_id = re.search("Credential=([A-Z0-9]+)/", authorization)[1]
    signer = SigV4Auth(Credentials(key_id, secret, headers["x-amz-security-token"]), "sts", region)
    request = AWSRequest(method=subject_token["method"], url=subject_token["url"], headers=headers)
    request.context["timestamp"] = headers["x-amz-date"]
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    signed_headers = signer.signed_headers(signer.headers_to_sign(request))
    scope = signer.scope(request)
    return canonical, f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed_headers}, Signature={signature}"


class SidecarSignatureTest(unittest.TestCase):
    def test_sidecar_test_vector_matches_botocore(self):
        vector = pathlib.Path(os.environ["VECTOR"])
        subject_token = json.loads((vector / "request.json").read_text())
        canonical, authorization = sign_with_botocore(
            subject_token, "us-east-2", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        )
        self.assertEqual(canonical, (vector / "canonical-request.txt").read_text())
        self.assertEqual(authorization, headers_of(subject_token)["Authorization"])

    def test_sidecar_token_matches_botocore(self):
        with RecordingProxy() as (endpoint, responses):
            subject_token = sidecar_subject_token(endpoint)
        (response,) = responses
        secret = re.search("<SecretAccessKey>(.+?)</SecretAccessKey>", response)[1]
        _, authorization = sign_with_botocore(subject_token, REGION, secret)
        self.assertEqual(authorization, headers_of(subject_token)["Authorization"])


class MotoTest(unittest.TestCase):
    def test_moto_accepts_sidecar_token(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        self.addCleanup(server.stop)
        host, port = server.get_host_and_port()
        subject_token = sidecar_subject_token(f"http://{host}:{port}")
        url = subject_token["url"].replace("https://sts.eu-west-1.amazonaws.com", f"http://{host}:{port}/")
        request = urllib.request.Request(url, method=subject_token["method"], headers=headers_of(subject_token))
        with urllib.request.urlopen(request) as response:
            self.assertIn(f"<Arn>{SESSION}</Arn>", response.read().decode())


class RecordingProxy:
    """Forward requests to the fake AWS and record its responses, which contain the sidecar's secret."""

    def __enter__(self):
        responses = []
        upstream = os.environ["AWS_ENDPOINT_URL_STS"]
        context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                form = self.rfile.read(int(self.headers["content-length"]))
                request = urllib.request.Request(upstream, form)
                with urllib.request.urlopen(request, context=context) as response:
                    body = response.read()
                responses.append(body.decode())
                self.send_response(200)
                self.send_header("content-type", "text/xml")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever).start()
        return f"http://127.0.0.1:{self.server.server_port}", responses

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    print(f"botocore {botocore.__version__}, moto {moto.__version__}")
    unittest.main(verbosity=2)
