"""A stand-in for metrics-server: each container of a pod uses 50m, a sidecar of ours 1m, whatever the pod."""

import datetime
import http.server
import json
import os
import ssl
import urllib.request

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/"
API = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}/api/v1"
TRUST = ssl.create_default_context(cafile=ACCOUNT + "ca.crt")
GROUP = "/apis/metrics.k8s.io/v1beta1"


def pods(path):
    """The pods that a path asks for: `/namespaces/NAMESPACE/pods?labelSelector=…`, as they stand in the core API."""
    with open(ACCOUNT + "token") as token:
        request = urllib.request.Request(API + path, headers={"Authorization": "Bearer " + token.read()})
    with urllib.request.urlopen(request, context=TRUST) as answer:
        return json.load(answer)["items"]


def measured(pod):
    names = [one["name"] for part in ("initContainers", "containers") for one in pod["spec"].get(part, [])]
    used = [(name, "1m" if name == "rolebridge" else "50m") for name in names]
    return {
        "metadata": {key: pod["metadata"][key] for key in ("name", "namespace")},
        "timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "window": "1s",
        "containers": [{"name": name, "usage": {"cpu": cpu, "memory": "16Mi"}} for name, cpu in used],
    }


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        rest = self.path.removeprefix(GROUP)
        if rest.startswith("/namespaces/"):
            answer = {"kind": "PodMetricsList", "items": [measured(pod) for pod in pods(rest)]}
        else:
            answer = {"kind": "APIResourceList", "groupVersion": "metrics.k8s.io/v1beta1", "resources": []}
        body = json.dumps({"apiVersion": "metrics.k8s.io/v1beta1"} | answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("", 6443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/certificate/tls.crt", "/certificate/tls.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
