import os

from each_second import each_second
from google.cloud import secretmanager

client = secretmanager.SecretManagerServiceClient()
parent = f"projects/{os.environ['GOOGLE_CLOUD_PROJECT']}"
secret = client.create_secret(
    parent=parent, secret_id=os.environ["NAME"], secret=secretmanager.Secret(replication={"automatic": {}})
)
client.add_secret_version(parent=secret.name, payload=secretmanager.SecretPayload(data=b"winter sale"))
for _ in each_second():
    found = client.access_secret_version(name=f"{secret.name}/versions/latest")
    print(f"payload: {found.payload.data.decode()}")
