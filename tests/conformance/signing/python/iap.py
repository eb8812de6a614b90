import os

import requests
from google.auth.transport.requests import Request
from google.oauth2 import id_token

token = id_token.fetch_id_token(Request(), os.environ["CLIENT_ID"])
headers = {"Proxy-Authorization": f"Bearer {token}"}
response = requests.get(os.environ["APPLICATION_URL"], headers=headers, timeout=60)
response.raise_for_status()
print(response.text)
