import os

import duckdb
import fsspec
from each_second import each_second

database = duckdb.connect()
database.register_filesystem(fsspec.filesystem("gs"))
url = os.environ["URL"]
database.sql(f"COPY (SELECT range AS amount FROM range(1000)) TO '{url}' (FORMAT parquet)")
for _ in each_second():
    print(f"total: {database.sql(f'SELECT sum(amount) FROM read_parquet({url!r})').fetchall()[0][0]}")
