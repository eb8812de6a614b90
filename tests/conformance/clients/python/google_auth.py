"""Use google-auth's session, like most of Google's Python code."""

import os
import time

import google.auth
from google.auth.transport.requests import AuthorizedSession

credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
session = AuthorizedSession(credentials)
end = time.monotonic() + float(os.environ.get("REPEAT_SECONDS", "0"))
while True:
    response = session.get(os.environ["URL"], timeout=20)
    response.raise_for_status()
    print(response.text)
    if time.monotonic() >= end:
        break
    time.sleep(1)
