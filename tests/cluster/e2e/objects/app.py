"""The Python app of the cluster tests: stock Google libraries, configured with the addresses of the fake clouds only.

Prints the file modes of the pod's projected tokens. With `--object`, it then reads an object with google-auth alone, which
starts quickly. With `--metadata-host`, it reads it with the token of Apache Libcloud, which reads no variable: it has the name of
Google's metadata server compiled in. With `--all`, it reads an object and a table with the libraries of Cloud Storage and BigQuery.
"""

import os
import stat
import sys

tokens = ["/var/run/secrets/kubernetes.io/serviceaccount/token", "/var/run/own/token"]
object_url = f"{os.environ['STORAGE_URL']}/storage/v1/b/shop-reports/o/latest.txt?alt=media"
print("modes:", *(oct(stat.S_IMODE(os.stat(token).st_mode)) for token in tokens), flush=True)
if "--object" in sys.argv:
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    response = AuthorizedSession(credentials).get(object_url)
    response.raise_for_status()
    print("object:", response.text, flush=True)
if "--metadata-host" in sys.argv:
    import requests
    from libcloud.common.google import GoogleAuthType, GoogleOAuth2Credential

    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
        print("first unprivileged port:", file.read().strip(), flush=True)
    token = GoogleOAuth2Credential("", "", auth_type=GoogleAuthType.GCE).access_token
    response = requests.get(object_url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
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
