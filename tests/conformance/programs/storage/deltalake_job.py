import os

import fsspec
import pyarrow
from deltalake import DeltaTable, write_deltalake
from each_second import each_second

url = os.environ["URL"]
# The emulator cannot store what delta-rs itself writes, by the XML API.
for _ in range(2):
    write_deltalake("sales", pyarrow.table({"amount": range(1000)}), mode="append")
fsspec.filesystem("gs").put("sales", url, recursive=True)
table = DeltaTable(url)
for _ in each_second():
    print(f"total: {table.to_pandas().amount.sum()}")
