"""Serve small parts of Google's REST APIs at a port: `serve.py PORT`.

Each request and each answer is checked against the API's discovery document, so that a part is never more lenient than the
document. A request that is not in `PARTS` gets Google's error for an unknown method.
"""

import http.server
import json
import pathlib
import re
import sys

import cloud_dns
import cloud_sql

sys.path.append(str(pathlib.Path(__file__).parents[3] / "python"))
import discovery

VALIDATOR = discovery.Validator()


def generate_content(path, body):
    """Answer a prompt with its own last text."""
    text = body["contents"][-1]["parts"][-1]["text"]
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 3, "totalTokenCount": 6}
    content = {"role": "model", "parts": [{"text": f"You said: {text}"}]}
    candidate = {"index": 0, "content": content, "finishReason": "STOP"}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": re.search(r"models/([^:]+)", path)[1]}


def lookup(_path, body):
    """Return a user of Firebase by its email address."""
    users = [{"localId": "user-1", "email": email, "emailVerified": True} for email in body.get("email", [])]
    return {"kind": "identitytoolkit#GetAccountInfoResponse", "users": users}


AI, IDENTITY = "us-central1-aiplatform.googleapis.com", "identitytoolkit.googleapis.com"
# The method, the host, the API of its document, the path without its query, and the function that answers. It gets the path with
# the query, and raises LookupError if there is nothing of that name.
PARTS = [
    ("POST", AI, "aiplatform.v1", r"/v1(?:beta1)?/.*:generateContent", generate_content),
    ("POST", IDENTITY, "identitytoolkit.v1", r"/v1/projects/[^/]+/accounts:lookup", lookup),
    *cloud_dns.PARTS,
    *cloud_sql.PARTS,
]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.call()

    def do_POST(self):
        self.call()

    def call(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or "{}")
        path = self.path.split("?")[0]
        for method, host, api, pattern, function in PARTS:
            if (self.command, self.headers["host"]) == (method, host) and re.fullmatch(pattern, path):
                return self.answer_part(api, function, body)
        return self.answer(404, error(404, "NOT_FOUND", f"This emulator has no {self.command} {path}."))

    def answer_part(self, api, function, body):
        try:
            answer = function(self.path, body)
        except LookupError as missing:
            return self.answer(404, error(404, "NOT_FOUND", str(missing)))
        # The documents of v1 and v1beta1 have the same methods.
        host = cloud_dns.HOST if api == cloud_dns.API else self.headers["host"]
        url = "https://" + host + self.path.replace("/v1beta1/", "/v1/")
        problems = VALIDATOR.check(api, self.command, url, body, 200, answer)
        if problems:
            return self.answer(400, error(400, "INVALID_ARGUMENT", "; ".join(problems)))
        return self.answer(200, answer)

    def answer(self, status, value):
        data = json.dumps(value, indent=2).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def error(code, status, message):
    return {"error": {"code": code, "status": status, "message": message}}


if __name__ == "__main__":
    cloud_sql.start()
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
