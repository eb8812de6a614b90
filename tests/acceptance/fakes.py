#!/usr/bin/env python3
"""Run AWS and Google for the acceptance run on this machine: the fake clouds, and moto for IAM and EKS.

moto has no outbound federation and no associations of Pod Identity, so this program answers these. The fake clouds read the
roles again after each change, so their trust policies are those that the `aws` command has made.
"""

import argparse
import io
import json
import logging
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import urllib.parse

import werkzeug.serving
from moto.backends import get_backend
from moto.server import DomainDispatcherApplication, create_backend_app

ACCOUNT = "123456789012"  # of the fakes, and moto's default
PROJECT, NUMBER = "acceptance-project", "987654321098"
REGION, CLUSTER = "eu-west-1", "e2e"
OUTBOUND = "https://0b1c2d3e-4f50-4617-8283-94a5b6c7d8e9.tokens.sts.global.api.aws"
NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
OPERATOR = {"email": "operator@example.com", "token": "operator-token"}
ASSOCIATIONS = re.compile(rf"/clusters/{CLUSTER}/pod-identity-associations(?:/(?P<id>[\w-]+))?$")


class Clouds:
    """The fake clouds, and the part of AWS that moto lacks."""

    def __init__(self, options):
        self.options = options
        self.config = options.folder / "clouds.json"
        self.outbound, self.associations, self.number = True, {}, 0
        self.lock = threading.Lock()
        network = {"subnetIds": ["subnet-1"]}
        get_backend("eks")[ACCOUNT][REGION].create_cluster(CLUSTER, f"arn:aws:iam::{ACCOUNT}:role/cluster", network)
        self.write()
        command = [options.program, "--config", self.config, "--ca-dir", options.folder]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.endpoints = json.loads(self.process.stdout.readline())
        self.reloaded = threading.Semaphore(0)
        threading.Thread(target=self.read_events, daemon=True).start()
        # An issuer that exists at the start can be enabled later.
        self.outbound = False
        self.reload()

    def read_events(self):
        with open(self.options.folder / "events.jsonl", "w") as events:
            for line in self.process.stdout:
                events.write(line)
                events.flush()
                if line.startswith('{"reloaded"'):
                    self.reloaded.release()

    def reload(self):
        """Let the fake clouds read the resources, and wait until they have."""
        self.write()
        self.process.send_signal(signal.SIGHUP)
        while not self.reloaded.acquire(timeout=1):  # on a busy machine, they may take long
            if self.process.poll() is not None:
                sys.exit("fakes.py: expected the fake clouds to read their configuration, but they ended")

    def write(self):
        options = self.options
        account = {"id": ACCOUNT, "oidcProviders": [], "roles": self.roles(), "outboundIssuer": OUTBOUND if self.outbound else None}
        account["oidcProviders"] = [
            {"url": f"https://{provider.url.removeprefix('https://')}", "clientIds": provider.client_id_list}
            for provider in iam().open_id_providers.values()
        ]
        associations = list(self.associations.values())
        self.config.write_text(
            json.dumps(
                {
                    "listen": "0.0.0.0:0",
                    "names": [options.address],
                    "issuers": [{"url": options.issuer, "keys": {"jwks": json.loads(options.keys.read_text())}}],
                    "aws": {
                        "accounts": [account],
                        "signatureMinutes": options.signature_minutes,
                        "podIdentity": {"cluster": CLUSTER, "issuer": options.issuer, "associations": associations},
                    },
                    "google": {
                        "operators": [OPERATOR],
                        "projects": [
                            {
                                "id": PROJECT,
                                "number": NUMBER,
                                "bindings": [{"role": "roles/owner", "members": [f"user:{OPERATOR['email']}"]}],
                            }
                        ],
                    },
                }
            )
        )

    def roles(self):
        """Return moto's roles in the form of the fake clouds."""
        return [
            {
                "name": role.name,
                "path": role.path,
                "trustPolicy": json.loads(role.assume_role_policy_document),
                "policies": [json.loads(policy) for policy in role.policies.values()],
            }
            for role in iam().roles.values()
        ]

    def answer(self, method, path, body):
        """Answer what moto lacks: status, content type and body. Return None for all else."""
        action = urllib.parse.parse_qs(body).get("Action", [""])[0]
        if action.endswith("OutboundWebIdentityFederation") or action == "GetOutboundWebIdentityFederationInfo":
            return self.outbound_federation(action)
        if match := ASSOCIATIONS.match(path):
            return self.pod_identity_associations(method, match["id"], body)
        return None

    def outbound_federation(self, action):
        enable = action.startswith("Enable")
        if enable and self.outbound:
            return error_xml(409, "FeatureEnabled", "Outbound web identity federation is already enabled.")
        if not enable and not self.outbound:
            return error_xml(404, "FeatureDisabled", "Outbound web identity federation is not enabled.")
        if not action.startswith("Get"):
            self.outbound = enable
            self.reload()
        fields = "" if action.startswith("Disable") else f"<IssuerIdentifier>{OUTBOUND}</IssuerIdentifier>"
        if action.startswith("Get"):
            fields += "<JwtVendingEnabled>true</JwtVendingEnabled>"
        return 200, "text/xml", f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{fields}</{action}Result></{action}Response>'

    def pod_identity_associations(self, method, number, body):
        if method == "POST":
            fields = json.loads(body)
            self.number += 1
            number = f"a-{self.number:017}"
            self.associations[number] = {name: fields[name] for name in ("namespace", "serviceAccount", "roleArn")}
        elif number not in self.associations:
            return 404, "application/json", json.dumps({"__type": "NotFoundException", "message": f"No association {number}"})
        found = self.associations[number] if method != "DELETE" else self.associations.pop(number)
        self.reload()
        return 200, "application/json", json.dumps({"association": {**found, "clusterName": CLUSTER, "associationId": number}})


def error_xml(status, code, message):
    text = f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>'
    return status, "text/xml", text


def iam():
    return get_backend("iam")[ACCOUNT]["aws"]


class Application:
    """moto's server with what it lacks. After each request that may change a role, the fake clouds read the roles."""

    def __init__(self, clouds):
        self.clouds = clouds
        self.moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ, start_response):
        with self.clouds.lock:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body = environ["wsgi.input"].read(length)
            answer = self.clouds.answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], body.decode(errors="replace"))
            if answer:
                status, content_type, text = answer
                start_response(f"{status} -", [("content-type", content_type)])
                return [text.encode()]
            environ["wsgi.input"] = io.BytesIO(body)
            response = list(self.moto(environ, start_response))
            if re.search(rb"Action=(Create|Delete|Put|Update)", body):
                self.clouds.reload()
            return response


def environment(clouds, port):
    """Return the variables with which the clouds' commands use the fakes."""
    folder, endpoints = clouds.options.folder, clouds.endpoints
    at = {name: re.sub(r"//[^:]*:", f"//{clouds.options.address}:", url) for name, url in endpoints.items()}
    token = folder / "operator-token"
    token.write_text(OPERATOR["token"])
    admin = at["googleAdmin"] + "/"
    return {
        "AWS_ACCESS_KEY_ID": "operator",
        "AWS_SECRET_ACCESS_KEY": "operator",
        "AWS_REGION": REGION,
        "AWS_CA_BUNDLE": folder / "ca.crt",
        "AWS_ENDPOINT_URL_STS": at["awsSts"],
        "AWS_ENDPOINT_URL_IAM": f"http://127.0.0.1:{port}",
        "AWS_ENDPOINT_URL_EKS": f"http://127.0.0.1:{port}",
        "CLOUDSDK_CONFIG": folder / "gcloud",
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": token,
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": folder / "ca.crt",
        "REQUESTS_CA_BUNDLE": folder / "ca.crt",  # if it is set, it has precedence in gcloud
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM": admin,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER": admin,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_SERVICEUSAGE": admin,
        "GOOGLE_STS": at["googleSts"],
        "IAM_CREDENTIALS": at["iamCredentials"],
        "POD_IDENTITY_PORT": at["podIdentity"].rsplit(":", 1)[1],
        "PROJECT": PROJECT,
        "EKS_CLUSTER": CLUSTER,
        "ACCOUNT": ACCOUNT,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the program fake-clouds")
    parser.add_argument("folder", type=pathlib.Path, help="folder for the certificate authority, the configuration, the environment")
    parser.add_argument("--address", required=True, help="address of this machine for pods")
    parser.add_argument("--issuer", required=True, help="issuer of the cluster")
    parser.add_argument("--keys", required=True, type=pathlib.Path, help="file with the keys of the issuer")
    parser.add_argument("--signature-minutes", type=int, default=15, help="how long AWS accepts a signature")
    clouds = Clouds(parser.parse_args())
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else it writes a line for each request
    server = werkzeug.serving.make_server("127.0.0.1", 0, Application(clouds), threaded=True)
    lines = [f"export {name}={value}\n" for name, value in environment(clouds, server.port).items()]
    clouds_file = clouds.options.folder / "environment"
    clouds_file.with_suffix(".new").write_text("".join(lines))
    os.rename(clouds_file.with_suffix(".new"), clouds_file)  # a reader waits for the whole file
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        server.serve_forever()
    finally:
        clouds.process.terminate()


main()
