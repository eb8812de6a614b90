import os

import google.auth
from google.auth import impersonated_credentials
from google.auth.transport.requests import Request

scopes = ["https://www.googleapis.com/auth/cloud-platform"]
credentials, _ = google.auth.default(scopes=scopes)
account = impersonated_credentials.Credentials(credentials, os.environ["ACCOUNT"], target_scopes=scopes)
token = impersonated_credentials.IDTokenCredentials(account, target_audience=os.environ["SERVICE_URL"], include_email=True)
token.refresh(Request())
print(token.token)
