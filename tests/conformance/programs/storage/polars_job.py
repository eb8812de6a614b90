import os

import fsspec
import polars
from each_second import each_second

url = os.environ["URL"]
# The emulator cannot store what Polars itself writes, by the XML API.
with fsspec.open(url, "wb") as file:
    polars.DataFrame({"amount": range(1000)}).write_parquet(file)
for _ in each_second():
    print(f"total: {polars.scan_parquet(url).select(polars.sum('amount')).collect().item()}")
