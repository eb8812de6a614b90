import datetime
import os

import google.auth
from google.auth.transport.requests import Request
from google.cloud import storage

credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
credentials.refresh(Request())
bucket = storage.Client(credentials=credentials).bucket(os.environ["BUCKET"])
url = bucket.blob(os.environ["OBJECT"]).generate_signed_url(
    version="v4",
    expiration=datetime.timedelta(minutes=15),
    service_account_email=credentials.service_account_email,
    access_token=credentials.token,
)
print(url)
