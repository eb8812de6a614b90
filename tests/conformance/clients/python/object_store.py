import os
import time

from google.cloud import storage

bucket = storage.Client().bucket(os.environ["BUCKET"])
end = time.monotonic() + float(os.environ.get("REPEAT_SECONDS", "0"))
while True:
    print(bucket.blob(os.environ["OBJECT"]).download_as_string().decode())
    if time.monotonic() >= end:
        break
    time.sleep(1)
