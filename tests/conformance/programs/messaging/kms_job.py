import os

from each_second import each_second
from google.cloud import kms

client = kms.KeyManagementServiceClient()
key = client.crypto_key_path(os.environ["GOOGLE_CLOUD_PROJECT"], "global", "shop", "orders")
encrypted = client.encrypt(name=key, plaintext=b"winter sale")
assert encrypted.ciphertext != b"winter sale"
for _ in each_second():
    print(f"plaintext: {client.decrypt(name=key, ciphertext=encrypted.ciphertext).plaintext.decode()}")
