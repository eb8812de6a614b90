"""Run the app in Python: google-auth finds the injected configuration on its own.

Writes one line of JSON, like the app in Rust.
"""

import json
import os
import sys

import google.auth
from google.auth.transport.requests import AuthorizedSession

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def rows():
    credentials, project = google.auth.default(scopes=[SCOPE])
    response = AuthorizedSession(credentials).post(
        f"{os.environ['BIGQUERY_URL']}/bigquery/v2/projects/{project}/queries",
        json={"query": os.environ["REPORT_QUERY"], "useLegacySql": False},
        timeout=20,
    )
    response.raise_for_status()
    return [[field["v"] for field in row["f"]] for row in response.json()["rows"]]


def main():
    try:
        line = {"rows": rows()}
    except Exception as error:  # the test reads every error
        line = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(line))
    return "failed" in line


if __name__ == "__main__":
    sys.exit(main())
