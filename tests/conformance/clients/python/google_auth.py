"""Use google-auth's session, like most of Google's Python code."""

import os

import google.auth
from google.auth.transport.requests import AuthorizedSession

credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
response = AuthorizedSession(credentials).get(os.environ["URL"], timeout=20)
response.raise_for_status()
print(response.text)
