"""Use google-cloud-cpp's REST client, which pyarrow's file system contains."""

import os
import time
from urllib.parse import urlsplit

from pyarrow import fs

endpoint = urlsplit(os.environ["STORAGE_URL"])
files = fs.GcsFileSystem(endpoint_override=endpoint.netloc, scheme=endpoint.scheme)
end = time.monotonic() + float(os.environ.get("REPEAT_SECONDS", "0"))
while True:
    with files.open_input_stream(f"{os.environ['BUCKET']}/{os.environ['OBJECT']}") as stream:
        print(stream.read().decode())
    if time.monotonic() >= end:
        break
    time.sleep(1)
