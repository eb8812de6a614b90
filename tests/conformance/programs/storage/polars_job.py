import os

import fsspec
import polars

url = os.environ["URL"]
# The emulator cannot store what Polars itself writes, by the XML API.
with fsspec.open(url, "wb") as file:
    polars.DataFrame({"amount": range(1000)}).write_parquet(file)
print(f"total: {polars.scan_parquet(url).select(polars.sum('amount')).collect().item()}")
