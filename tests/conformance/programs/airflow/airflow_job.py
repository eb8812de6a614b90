import datetime
import os
import types

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator
from each_second import each_second

bucket, run = os.environ["BUCKET"], os.environ["RUN"]
files = GCSHook()
files.upload(bucket, f"{run}/sales.csv", data="\n".join(map(str, range(1, 1001))))
for _ in each_second():
    amounts = files.download(bucket, f"{run}/sales.csv").decode().split()
# The part of a task that the operator reads from its worker.
context = {"ti": types.SimpleNamespace(try_number=1, xcom_push=lambda **_: None), "run_after": datetime.datetime.now(datetime.UTC)}
sql = f"SELECT SUM(amount) AS total FROM UNNEST([{','.join(amounts)}]) AS amount"
operator = BigQueryInsertJobOperator(
    task_id=run, configuration={"query": {"query": sql, "useLegacySql": False}}, durable=False
)
job = operator.execute(context)
[row] = BigQueryHook().get_job(job_id=job, location="US").result()
print(f"total: {row.total}")
