import os

from google.cloud import storage

bucket = storage.Client().bucket(os.environ["BUCKET"])
print(bucket.blob(os.environ["OBJECT"]).download_as_string().decode())
