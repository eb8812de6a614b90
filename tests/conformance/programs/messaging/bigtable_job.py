import os

from each_second import each_second
from google.cloud import bigtable

table = bigtable.Client().instance("shop").table(os.environ["NAME"])
rows = [table.direct_row(f"order-{number}") for number in range(10)]
for row in rows:
    row.set_cell("totals", "amount", "42")
assert all(status.code == 0 for status in table.mutate_rows(rows))
for _ in each_second():
    print(f"rows: {len(list(table.read_rows()))}")
