import os

from google.cloud import storage

client = storage.Client(client_options={"api_endpoint": os.environ["STORAGE_URL"]})
print(client.bucket(os.environ["BUCKET"]).blob(os.environ["OBJECT"]).download_as_text(timeout=20))
