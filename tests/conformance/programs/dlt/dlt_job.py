import os

import dlt
from each_second import each_second

pipeline = dlt.pipeline("sales", pipelines_dir="pipelines", destination="bigquery", dataset_name=os.environ["DATASET"])
pipeline.run([{"amount": number} for number in range(1, 1001)], table_name="sales")
with pipeline.sql_client() as client:
    sql = f"SELECT SUM(amount) AS total FROM {client.make_qualified_table_name('sales')}"
    for _ in each_second():
        [row] = client.native_connection.query(sql).result()
        print(f"total: {row.total}")
