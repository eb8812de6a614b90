"""Cloud KMS: symmetric encryption, with a key per name that XORs. Only this emulator can read what it encrypted."""

import hashlib
import itertools

import google_crc32c
import grpc
from google.cloud import kms_v1 as api


def xor(name, data):
    key = hashlib.sha256(name.encode()).digest()
    return bytes(byte ^ mask for byte, mask in zip(data, itertools.cycle(key)))


def digest(name, data):
    return hashlib.sha256(name.encode() + data).digest()


def encrypt(request, _context):
    ciphertext = digest(request.name, request.plaintext) + xor(request.name, request.plaintext)
    return api.EncryptResponse(
        name=f"{request.name}/cryptoKeyVersions/1",
        ciphertext=ciphertext,
        ciphertext_crc32c=google_crc32c.value(ciphertext),
        verified_plaintext_crc32c="plaintext_crc32c" in request,
        verified_additional_authenticated_data_crc32c="additional_authenticated_data_crc32c" in request,
    )


def decrypt(request, context):
    plaintext = xor(request.name, request.ciphertext[32:])
    if digest(request.name, plaintext) != request.ciphertext[:32]:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Decryption failed: the ciphertext is invalid.")
    return api.DecryptResponse(plaintext=plaintext, plaintext_crc32c=google_crc32c.value(plaintext), used_primary=True)


SERVICES = {
    "google.cloud.kms.v1.KeyManagementService": {
        "Encrypt": (encrypt, api.EncryptRequest, "unary_unary"),
        "Decrypt": (decrypt, api.DecryptRequest, "unary_unary"),
    }
}
