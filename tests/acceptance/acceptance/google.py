"""Calls to Google STS and the IAM Credentials API."""

import dataclasses
import json
import urllib.parse

from acceptance import http

AWS_REQUEST = "urn:ietf:params:aws:token-type:aws4_request"
JWT = "urn:ietf:params:oauth:token-type:jwt"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@dataclasses.dataclass(frozen=True)
class Google:
    """The endpoints of Google."""

    console: object
    sts: str
    iam_credentials: str

    def exchange(self, audience, token, token_type=AWS_REQUEST):
        """Exchange a subject token."""
        fields = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "audience": audience,
            "scope": SCOPE,
            "subject_token": token,
            "subject_token_type": token_type,
        }
        reply = self._post_form("/v1/token", fields)
        if token := reply.json.get("access_token"):
            self.console.add_secret(token)
        return reply

    def introspect(self, token):
        """Ask for the principal of a federated token, without client authentication."""
        return self._post_form("/v1/introspect", {"token": token})

    def generate_access_token(self, token, email):
        """Impersonate a service account."""
        url = f"{self.iam_credentials}/v1/projects/-/serviceAccounts/{email}:generateAccessToken"
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        reply = http.send(url, json.dumps({"scope": [SCOPE]}).encode(), headers)
        if token := reply.json.get("accessToken"):
            self.console.add_secret(token)
        return reply

    def _post_form(self, path, fields):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return http.send(self.sts + path, urllib.parse.urlencode(fields).encode(), headers)
