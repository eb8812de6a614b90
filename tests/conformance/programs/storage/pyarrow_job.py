import os

import pyarrow
import pyarrow.compute
import pyarrow.dataset
import pyarrow.fs
from each_second import each_second

store = pyarrow.fs.GcsFileSystem()
table = pyarrow.table({"amount": range(1000)})
pyarrow.dataset.write_dataset(table, os.environ["FOLDER"], format="parquet", filesystem=store)
for _ in each_second():
    found = pyarrow.dataset.dataset(os.environ["FOLDER"], format="parquet", filesystem=store).to_table()
    print(f"total: {pyarrow.compute.sum(found['amount'])}")
