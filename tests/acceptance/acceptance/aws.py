"""Calls to AWS STS by botocore, in this process, so that no token is an argument of a command."""

import datetime
import json
import re
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions
import botocore.session

from acceptance import http

QUERY = "Action=GetCallerIdentity&Version=2011-06-15"
TARGET_RESOURCE_HEADER = "x-goog-cloud-target-resource"


class Rejected(Exception):
    """An error of AWS, with its code, message and status."""

    def __init__(self, error):
        details, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        self.code = details["Code"]
        super().__init__(f"{status} {self.code}: {details['Message']}")


def session_policies(root):
    """Read the session policies of the product from its source, so that they are the same."""
    text = (root / "src/core/src/aws.rs").read_text()
    names = ("DENY_ALL_SESSION_POLICY", "GET_WEB_IDENTITY_TOKEN_SESSION_POLICY")
    policies = [re.search(rf'{name}: &str =\s*r#"(.*?)"#;', text)[1] for name in names]
    return [json.dumps(json.loads(policy), separators=(",", ":")) for policy in policies]


class Sts:
    """AWS STS in one region."""

    def __init__(self, console, region):
        self.console, self.region = console, region
        self.session = botocore.session.get_session()

    def call(self, operation, credentials=None, **parameters):
        """Call an operation, unsigned without credentials. Raise Rejected with the words of AWS."""
        keys = {}
        if credentials:
            keys = dict(
                aws_access_key_id=credentials.access_key,
                aws_secret_access_key=credentials.secret_key,
                aws_session_token=credentials.token,
            )
        config = botocore.config.Config(
            retries={"total_max_attempts": 2},
            signature_version=None if credentials else botocore.UNSIGNED,
        )
        client = self.session.create_client("sts", region_name=self.region, config=config, **keys)
        try:
            return getattr(client, operation)(**parameters)
        except botocore.exceptions.ClientError as error:
            raise Rejected(error) from error

    def assume(self, role, token, name="acceptance", policy=None):
        """Return credentials of a role, for a token of the cluster."""
        options = {"Policy": policy} if policy else {}
        reply = self.call(
            "assume_role_with_web_identity", RoleArn=role, RoleSessionName=name, WebIdentityToken=token, DurationSeconds=900, **options
        )
        keys = reply["Credentials"]
        secrets = [keys[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
        return botocore.credentials.Credentials(*map(self.console.add_secret, secrets))

    def allows_decoding(self, credentials):
        """Return whether DecodeAuthorizationMessage is allowed, and the words. It costs nothing and changes nothing."""
        try:
            self.call("decode_authorization_message", credentials, EncodedMessage="acceptance")
        except Rejected as error:
            return error.code != "AccessDenied", str(error)
        return True, "200"

    def web_identity_token(self, credentials, audience, seconds):
        """Return a JSON web token of AWS."""
        reply = self.call(
            "get_web_identity_token", credentials, Audience=[audience], SigningAlgorithm="RS256", DurationSeconds=seconds
        )
        return self.console.add_secret(reply["WebIdentityToken"])


class DatedAuth(botocore.auth.SigV4Auth):
    """Signs a request with a given time."""

    def sign(self, request, time):
        request.context["timestamp"] = time.strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))


def signed_request(credentials, region, host, audience, age=0):
    """Return the headers of a GetCallerIdentity request to a host, signed `age` seconds ago."""
    time = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age)
    headers = {"host": host, TARGET_RESOURCE_HEADER: audience}
    request = botocore.awsrequest.AWSRequest("POST", f"https://{host}/?{QUERY}", headers=headers)
    DatedAuth(credentials, "sts", region).sign(request, time)
    return dict(request.headers.items())


def subject_token(headers):
    """Return the subject token of a signed request, as Google reads it."""
    pairs = [{"key": key, "value": value} for key, value in headers.items()]
    document = {"url": f"https://{headers['host']}?{QUERY}", "method": "POST", "headers": pairs}
    return urllib.parse.quote(json.dumps(document))


def send_signed(endpoint, headers):
    """Send a signed request to AWS itself."""
    return http.send(f"{endpoint}/?{QUERY}", b"", headers)
