"""Write a table with Google's connector. Then sum its column: by a query, or by reading it with the connector (`read`)."""

import os
import sys

from each_second import each_second
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
# The connector makes no dataset, but contains the library that does.
library = spark._jvm.com.google.cloud.spark.bigquery.repackaged.com.google.cloud.bigquery
bigquery = library.BigQueryOptions.getDefaultInstance().getService()


def no_options(kind):
    return spark._sc._gateway.new_array(getattr(library, kind), 0)


def write():
    rows = spark.range(1, 1001).withColumnRenamed("id", "amount")
    rows.write.format("bigquery").option("writeMethod", "direct").mode("append").save(table)


def total_by_query():
    query = library.QueryJobConfiguration.of(f"SELECT SUM(amount) FROM `{table}`")
    answer = bigquery.query(query, no_options("BigQuery$JobOption"))
    return answer.iterateAll().iterator().next().get(0).getLongValue()


def total_by_reading():
    return spark.read.format("bigquery").option("readDataFormat", "AVRO").load(table).agg({"amount": "sum"}).collect()[0][0]


def main():
    bigquery.create(library.DatasetInfo.of(os.environ["NAME"]), no_options("BigQuery$DatasetOption"))
    write()
    total = total_by_reading if "read" in sys.argv else total_by_query
    for _ in each_second():
        print(f"total: {total()}")


table = f"{os.environ['PROJECT']}.{os.environ['NAME']}.sales"
try:
    main()
except Py4JJavaError as error:
    cause = error.java_exception
    while cause.getCause():
        cause = cause.getCause()
    sys.exit(f"Error: {cause}")
