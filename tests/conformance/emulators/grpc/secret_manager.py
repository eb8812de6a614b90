"""Secret Manager: secrets, their versions and their payloads."""

import google_crc32c
import grpc
from google.cloud import secretmanager_v1 as api
from google.protobuf import empty_pb2

# The secrets, and the payloads of each one's versions.
SECRETS, PAYLOADS = {}, {}


def create_secret(request, context):
    name = f"{request.parent}/secrets/{request.secret_id}"
    if name in SECRETS:
        context.abort(grpc.StatusCode.ALREADY_EXISTS, f"Secret [{name}] already exists.")
    kept = request.secret
    SECRETS[name] = api.Secret(name=name, replication=kept.replication, labels=dict(kept.labels))
    PAYLOADS[name] = []
    return SECRETS[name]


def get_secret(request, context):
    if request.name not in SECRETS:
        context.abort(grpc.StatusCode.NOT_FOUND, f"Secret [{request.name}] not found.")
    return SECRETS[request.name]


def delete_secret(request, context):
    get_secret(request, context)
    del SECRETS[request.name], PAYLOADS[request.name]
    return empty_pb2.Empty()


def add_secret_version(request, context):
    if request.parent not in PAYLOADS:
        context.abort(grpc.StatusCode.NOT_FOUND, f"Secret [{request.parent}] not found.")
    PAYLOADS[request.parent].append(request.payload.data)
    name = f"{request.parent}/versions/{len(PAYLOADS[request.parent])}"
    return api.SecretVersion(name=name, state=api.SecretVersion.State.ENABLED)


def access_secret_version(request, context):
    secret, _, version = request.name.partition("/versions/")
    versions = PAYLOADS.get(secret, [])
    index = len(versions) if version == "latest" else int(version)
    if not 1 <= index <= len(versions):
        context.abort(grpc.StatusCode.NOT_FOUND, f"Secret Version [{request.name}] not found.")
    data = versions[index - 1]
    payload = api.SecretPayload(data=data, data_crc32c=google_crc32c.value(data))
    return api.AccessSecretVersionResponse(name=f"{secret}/versions/{index}", payload=payload)


SERVICES = {
    "google.cloud.secretmanager.v1.SecretManagerService": {
        "CreateSecret": (create_secret, api.CreateSecretRequest, "unary_unary"),
        "GetSecret": (get_secret, api.GetSecretRequest, "unary_unary"),
        "DeleteSecret": (delete_secret, api.DeleteSecretRequest, "unary_unary"),
        "AddSecretVersion": (add_secret_version, api.AddSecretVersionRequest, "unary_unary"),
        "AccessSecretVersion": (access_secret_version, api.AccessSecretVersionRequest, "unary_unary"),
    }
}
