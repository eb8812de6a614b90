"""lifetimes_app.py LIBRARY SECONDS: reads an object every second in one process, for that long or `forever`.

Stock Google libraries, configured with the address of the fake clouds only. The first failure ends the process.
"""

import os
import sys
import time

library, seconds = sys.argv[1:]
endpoint = os.environ["STORAGE_URL"]
if library == "gcsfs":
    import gcsfs

    files = gcsfs.GCSFileSystem(token="google_default", endpoint_url=endpoint)

    def read():
        return files.cat_file("shop-reports/latest.txt").decode()
else:
    from google.cloud import storage

    blob = storage.Client(client_options={"api_endpoint": endpoint}).bucket("shop-reports").blob("latest.txt")

    def read():
        return blob.download_as_text(retry=None)


end = float("inf") if seconds == "forever" else time.monotonic() + float(seconds)
reads = 0
while time.monotonic() < end:
    found = read()
    assert found == "1451 orders", found
    reads += 1
    time.sleep(1)
print("reads:", reads)
