import os

from each_second import each_second
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.range(1, 1001).withColumnRenamed("id", "amount").write.parquet(os.environ["URL"])
for _ in each_second():
    print(f"total: {spark.read.parquet(os.environ['URL']).agg({'amount': 'sum'}).collect()[0][0]}")
