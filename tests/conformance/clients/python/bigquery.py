import os

from google.cloud import bigquery

for row in bigquery.Client().query(os.environ["QUERY"]).result():
    print(row["text"])
