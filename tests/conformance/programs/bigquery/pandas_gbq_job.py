import pandas_gbq

sql = "SELECT SUM(amount) AS total FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS amount"
found = pandas_gbq.read_gbq(sql, progress_bar_type=None)
print(f"total: {found.total[0]}")
