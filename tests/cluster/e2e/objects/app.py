"""The Python app of the cluster tests: stock Google libraries, told nothing but where the fake clouds are.

Says how loose the projected tokens of its pod are, then, unless told `--modes`, reads an object and a table.
"""

import os
import stat
import sys

tokens = ["/var/run/secrets/kubernetes.io/serviceaccount/token", "/var/run/own/token"]
print("modes:", *(oct(stat.S_IMODE(os.stat(token).st_mode)) for token in tokens), flush=True)
if "--modes" in sys.argv:
    sys.exit()

from google.cloud import bigquery, storage  # noqa: E402

bucket = storage.Client(client_options={"api_endpoint": os.environ["STORAGE_URL"]}).bucket("shop-reports")
print("object:", bucket.blob("latest.txt").download_as_text(), flush=True)
client = bigquery.Client(client_options={"api_endpoint": os.environ["BIGQUERY_URL"]})
for row in client.query_and_wait("SELECT * FROM sales.orders_by_day"):
    print("row:", *row, flush=True)
