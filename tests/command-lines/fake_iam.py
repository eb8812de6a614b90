"""Serve AWS IAM and EKS: moto, and the operations that moto lacks.

Those are `AddClientIDToOpenIDConnectProvider`, outbound web identity federation, and EKS Pod Identity associations. A
request of theirs is parsed and validated by botocore's service model, which also names the fields of the response.

Prints one line of JSON with the endpoint and the cluster's issuer. `GET /account` answers with the account in the
format of the fake clouds, read back through AWS's API. Ends when standard input is closed.
"""

import json
import os
import re
import sys
import threading
import urllib.parse

import botocore.session
from botocore.validate import ParamValidator
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

ACCOUNT = os.environ["MOTO_ACCOUNT_ID"]
REGION = "eu-west-1"
CLUSTER = "prod"
XMLNS = "https://iam.amazonaws.com/doc/2010-05-08/"
MODELS = {name: botocore.session.Session().get_service_model(name) for name in ("iam", "eks")}


class Rejected(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


class MissingOperations:
    """What moto does not have. The state that moto has is moto's own."""

    def __init__(self, outbound_issuer):
        self.outbound_issuer = outbound_issuer
        self.outbound = False
        self.associations = []

    def add_client_id_to_open_id_connect_provider(self, parameters):
        providers = iam_backends[ACCOUNT]["aws"].open_id_providers
        provider = providers.get(parameters["OpenIDConnectProviderArn"])
        if provider is None:
            arn = parameters["OpenIDConnectProviderArn"]
            raise Rejected(404, "NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}")
        if parameters["ClientID"] not in provider.client_id_list:
            provider.client_id_list.append(parameters["ClientID"])
        return {}

    def enable_outbound_web_identity_federation(self, _):
        if self.outbound:
            message = "Outbound web identity federation is already enabled for this account."
            raise Rejected(409, "FeatureEnabled", message)
        self.outbound = True
        return {"IssuerIdentifier": self.outbound_issuer}

    def disable_outbound_web_identity_federation(self, _):
        self.outbound = False
        return {}

    def get_outbound_web_identity_federation_info(self, _):
        if not self.outbound:
            message = "Outbound web identity federation is not enabled for this account."
            raise Rejected(404, "FeatureDisabled", message)
        return {"IssuerIdentifier": self.outbound_issuer, "JwtVendingEnabled": True}

    def create_pod_identity_association(self, parameters):
        if parameters["clusterName"] != CLUSTER:
            message = f"No cluster found for name: {parameters['clusterName']}."
            raise Rejected(404, "ResourceNotFoundException", message)
        same = ("namespace", "serviceAccount")
        if any(all(known[name] == parameters[name] for name in same) for known in self.associations):
            raise Rejected(409, "ResourceInUseException", "Association already exists")
        self.associations.append(parameters)
        return {"association": {name: parameters[name] for name in ("clusterName", *same, "roleArn")}}


def parse_query(shape, fields, prefix=""):
    """Return a request of the Query protocol as parameters. Only strings occur in the operations here."""
    known = {prefix + name for name in shape.members}
    unknown = fields.keys() - known - {"Action", "Version"}
    if unknown:
        raise Rejected(400, "MalformedQueryString", f"Unexpected parameters: {sorted(unknown)}")
    return {name: fields[name] for name in shape.members if name in fields}


def validated(model, parameters):
    """Return the parameters if the service's model allows them."""
    report = ParamValidator().validate(parameters, model.input_shape) if model.input_shape else None
    if report is not None and report.has_errors():
        raise Rejected(400, "ValidationError", report.generate_report())
    return parameters


def snake_case(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower().replace("open_idconnect", "open_id_connect")


def method_of(operations, action):
    return getattr(operations, snake_case(action).replace("client_idto", "client_id_to"), None)


class Application:
    """moto, behind the missing operations."""

    def __init__(self, operations):
        self.operations = operations
        self.moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        try:
            if path == "/account":
                body = json.dumps(read_account(environ["HTTP_HOST"])).encode()
                return respond(start_response, 200, "application/json", body)
            association = re.fullmatch(r"/clusters/([^/]+)/pod-identity-associations", path)
            if association and environ["REQUEST_METHOD"] == "POST":
                return self.eks(environ, start_response, association[1])
            if environ["REQUEST_METHOD"] == "POST" and path == "/":
                return self.iam(environ, start_response)
        except Rejected as error:
            return reject(start_response, error, is_json=path != "/")
        return self.moto(environ, start_response)

    def eks(self, environ, start_response, cluster):
        model = MODELS["eks"].operation_model("CreatePodIdentityAssociation")
        parameters = json.loads(read_body(environ)) | {"clusterName": urllib.parse.unquote(cluster)}
        answer = self.operations.create_pod_identity_association(validated(model, parameters))
        return respond(start_response, 200, "application/json", json.dumps(answer).encode())

    def iam(self, environ, start_response):
        body = read_body(environ)
        fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        action = fields.get("Action", "")
        method = method_of(self.operations, action)
        if method is None:
            environ["wsgi.input"] = Rewound(body)
            return self.moto(environ, start_response)
        model = MODELS["iam"].operation_model(action)
        shape = model.input_shape
        answer = method(validated(model, parse_query(shape, fields) if shape else {}))
        members = "".join(f"<{name}>{str(value).lower() if value is True else value}</{name}>" for name, value in answer.items())
        result = f"<{action}Result>{members}</{action}Result>" if model.output_shape else ""
        xml = f'<{action}Response xmlns="{XMLNS}">{result}<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>'
        return respond(start_response, 200, "text/xml", xml.encode())


class Rewound:
    """A body that was read already."""

    def __init__(self, body):
        self.body = body

    def read(self, size=-1):
        size = len(self.body) if size is None or size < 0 else size
        part, self.body = self.body[:size], self.body[size:]
        return part


def read_body(environ):
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def respond(start_response, status, content_type, body):
    start_response(f"{status} OK", [("content-type", content_type), ("content-length", str(len(body)))])
    return [body]


def reject(start_response, error, is_json):
    if is_json:
        body = json.dumps({"message": str(error)}).encode()
        headers = [("content-type", "application/json"), ("x-amzn-errortype", error.code)]
    else:
        body = (
            f'<ErrorResponse xmlns="{XMLNS}"><Error><Type>Sender</Type><Code>{error.code}</Code>'
            f"<Message>{error}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        ).encode()
        headers = [("content-type", "text/xml")]
    start_response(f"{error.status} Rejected", [*headers, ("content-length", str(len(body)))])
    return [body]


def client(service, host):
    return botocore.session.Session().create_client(
        service,
        region_name=REGION,
        endpoint_url=f"http://{host}",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
    )


def read_account(host):
    """Return roles, trust policies, issuers and associations as `aws iam get-role` and so on return them."""
    iam = client("iam", host)
    roles = []
    for listed in iam.list_roles()["Roles"]:
        name = listed["RoleName"]
        role = iam.get_role(RoleName=name)["Role"]
        policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
        roles.append(
            {
                "name": name,
                "path": role["Path"],
                "trustPolicy": role["AssumeRolePolicyDocument"],
                "maxSessionSeconds": role["MaxSessionDuration"],
                "policies": [
                    iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in policies
                ],
            }
        )
    providers = []
    for listed in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=listed["Arn"])
        providers.append({"url": "https://" + provider["Url"].removeprefix("https://"), "clientIds": provider["ClientIDList"]})
    try:
        outbound = iam.get_outbound_web_identity_federation_info()["IssuerIdentifier"]
    except iam.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "FeatureDisabled":
            raise
        outbound = None
    associations = [
        {name: association[name] for name in ("namespace", "serviceAccount", "roleArn")}
        for association in OPERATIONS.associations
    ]
    account = {"id": ACCOUNT, "roles": roles, "oidcProviders": providers, "outboundIssuer": outbound}
    return {"account": account, "associations": associations}


OPERATIONS = MissingOperations("https://0b1c2d3e-4f50-4617-8283-94a5b6c7d8e9.tokens.sts.global.api.aws")


def main():
    assert DEFAULT_ACCOUNT_ID, "moto has an account"
    server = make_server("127.0.0.1", 0, Application(OPERATIONS), True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    vpc = {"subnetIds": ["subnet-1", "subnet-2"]}
    eks = client("eks", host)
    eks.create_cluster(name=CLUSTER, roleArn=f"arn:aws:iam::{ACCOUNT}:role/cluster", resourcesVpcConfig=vpc)
    issuer = eks.describe_cluster(name=CLUSTER)["cluster"]["identity"]["oidc"]["issuer"]
    print(json.dumps({"endpoint": f"http://{host}", "issuer": issuer, "outbound": OPERATIONS.outbound_issuer}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
