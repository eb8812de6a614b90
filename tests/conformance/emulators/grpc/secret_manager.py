"""Secret Manager: secrets, their versions and their payloads."""

import google_crc32c
import grpc
from google.cloud import secretmanager_v1 as api

# The payloads of each secret's versions.
PAYLOADS = {}


def create_secret(request, _context):
    name = f"{request.parent}/secrets/{request.secret_id}"
    PAYLOADS[name] = []
    return api.Secret(name=name, replication=request.secret.replication)


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
        "AddSecretVersion": (add_secret_version, api.AddSecretVersionRequest, "unary_unary"),
        "AccessSecretVersion": (access_secret_version, api.AccessSecretVersionRequest, "unary_unary"),
    }
}
