import os
import time

from google.cloud import bigquery

client = bigquery.Client()
end = time.monotonic() + float(os.environ.get("REPEAT_SECONDS", "0"))
while True:
    for row in client.query(os.environ["QUERY"]).result():
        print(row["text"])
    if time.monotonic() >= end:
        break
    time.sleep(1)
