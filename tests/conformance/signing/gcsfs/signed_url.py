import os

import gcsfs
import google.auth
from google.auth.transport.requests import Request

credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
credentials.refresh(Request())
files = gcsfs.GCSFileSystem(token=credentials)
url = files.sign(
    f"{os.environ['BUCKET']}/{os.environ['OBJECT']}",
    expiration=15 * 60,
    version="v4",
    service_account_email=credentials.service_account_email,
    access_token=credentials.token,
)
print(url)
