import base64
import json

import firebase_admin
from each_second import each_second
from firebase_admin import auth

firebase_admin.initialize_app()
for _ in each_second():
    _, claims, _ = auth.create_custom_token("user-1").decode().split(".")
    claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
    print(f"signed by {claims['iss']} for {claims['uid']}")
