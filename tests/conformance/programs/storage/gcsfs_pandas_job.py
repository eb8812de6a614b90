import os

import pandas
from each_second import each_second

pandas.DataFrame({"amount": range(1000)}).to_csv(os.environ["URL"], index=False)
for _ in each_second():
    print(f"total: {pandas.read_csv(os.environ['URL']).amount.sum()}")
