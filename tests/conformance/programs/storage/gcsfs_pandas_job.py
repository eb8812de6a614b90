import os

import pandas

pandas.DataFrame({"amount": range(1000)}).to_csv(os.environ["URL"], index=False)
print(f"total: {pandas.read_csv(os.environ['URL']).amount.sum()}")
