"""The Python app of the cluster tests: stock Google libraries, configured with the addresses of the fake clouds only.

Prints the file modes of the pod's projected tokens. With `--object`, it then reads an object with google-auth alone, which
starts quickly. `--metadata-host` does so without any variable, by the name of Google's metadata server in the library. With
`--all`, it reads an object and a table with the libraries of Cloud Storage and BigQuery.
"""

import os
import stat
import sys

tokens = ["/var/run/secrets/kubernetes.io/serviceaccount/token", "/var/run/own/token"]
print("modes:", *(oct(stat.S_IMODE(os.stat(token).st_mode)) for token in tokens), flush=True)
if "--metadata-host" in sys.argv:
    for name in [name for name in os.environ if name.startswith(("GCE_METADATA_", "GOOGLE_", "CLOUDSDK_"))]:
        del os.environ[name]
if "--object" in sys.argv or "--metadata-host" in sys.argv:
    import google.auth
    from google.auth import compute_engine
    from google.auth.transport.requests import AuthorizedSession

    if "--metadata-host" in sys.argv:
        credentials = compute_engine.Credentials()
    else:
        credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    response = AuthorizedSession(credentials).get(f"{os.environ['STORAGE_URL']}/storage/v1/b/shop-reports/o/latest.txt?alt=media")
    response.raise_for_status()
    print("object:", response.text, flush=True)
if "--all" not in sys.argv:
    sys.exit()

from google.cloud import bigquery, storage  # noqa: E402

bucket = storage.Client(client_options={"api_endpoint": os.environ["STORAGE_URL"]}).bucket("shop-reports")
print("object:", bucket.blob("latest.txt").download_as_text(), flush=True)
client = bigquery.Client(client_options={"api_endpoint": os.environ["BIGQUERY_URL"]})
for row in client.query_and_wait("SELECT * FROM sales.orders_by_day"):
    print("row:", *row, flush=True)
