"""google-auth's own session, as most of Google's Python code uses it."""

import os

import google.auth
from google.auth.transport.requests import AuthorizedSession

credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
answer = AuthorizedSession(credentials).get(os.environ["URL"], timeout=20)
answer.raise_for_status()
print(answer.text)
