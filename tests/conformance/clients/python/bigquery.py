import os

from google.cloud import bigquery

client = bigquery.Client(client_options={"api_endpoint": os.environ["BIGQUERY_URL"]})
for row in client.query_and_wait(os.environ["QUERY"]):
    print(row["text"])
