import os

from google.auth.transport.requests import Request
from google.oauth2 import id_token

print(id_token.fetch_id_token(Request(), os.environ["SERVICE_URL"]))
