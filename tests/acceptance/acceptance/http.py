"""HTTP requests to the clouds."""

import dataclasses
import json
import os
import re
import ssl
import urllib.error
import urllib.request

TIMEOUT = 30  # seconds


@dataclasses.dataclass(frozen=True)
class Reply:
    """A response."""

    status: int
    text: str

    @property
    def json(self):
        """Return the body, or an empty object if it is not a JSON object."""
        try:
            value = json.loads(self.text)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def words(self):
        """Return status, code and message, in any of the formats of both clouds."""
        body = self.json
        error = body.get("error", body.get("Error"))
        if isinstance(error, dict):
            return f"{self.status} {error.get('status', error.get('Code', ''))}: {error.get('message', error.get('Message', ''))}"
        if error:
            return f"{self.status} {error}: {body.get('error_description', '')}"
        elements = re.findall(r"<(?:Code|Message)>(.*?)</", self.text, re.DOTALL)
        return ": ".join([f"{self.status}", *elements])


def send(url, body, headers):
    """Post a body, and return the response whatever its status is."""
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    # Of the clouds' commands, the fakes' certificate authority is known by this variable.
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT, context=context) as response:
            return Reply(response.status, response.read().decode())
    except urllib.error.HTTPError as error:
        return Reply(error.code, error.read().decode(errors="replace"))
