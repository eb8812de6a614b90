import os

from each_second import each_second
from smart_open import open

with open(os.environ["URL"], "w") as file:
    file.writelines(f"{number}\n" for number in range(1000))
for _ in each_second():
    with open(os.environ["URL"]) as file:
        print(f"lines: {sum(1 for _ in file)}")
