"""A fake metrics-server: every container uses 50m of CPU, Rolebridge's sidecar 1m."""

import datetime
import http.server
import json
import os
import socket
import ssl
import urllib.request

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/"
API = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}/api/v1"
TLS = ssl.create_default_context(cafile=ACCOUNT + "ca.crt")
GROUP = "/apis/metrics.k8s.io/v1beta1"


def pods(path):
    """Return the pods of a path `/namespaces/NAMESPACE/pods?labelSelector=…` from the core API."""
    with open(ACCOUNT + "token") as token:
        request = urllib.request.Request(API + path, headers={"Authorization": "Bearer " + token.read()})
    with urllib.request.urlopen(request, context=TLS) as response:
        return json.load(response)["items"]


def pod_metrics(pod):
    names = [container["name"] for field in ("initContainers", "containers") for container in pod["spec"].get(field, [])]
    usage = [(name, "1m" if name == "rolebridge" else "50m") for name in names]
    return {
        "metadata": {key: pod["metadata"][key] for key in ("name", "namespace")},
        "timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "window": "1s",
        "containers": [{"name": name, "usage": {"cpu": cpu, "memory": "16Mi"}} for name, cpu in usage],
    }


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.removeprefix(GROUP)
        if path.startswith("/namespaces/"):
            response = {"kind": "PodMetricsList", "items": [pod_metrics(pod) for pod in pods(path)]}
        else:
            response = {"kind": "APIResourceList", "groupVersion": "metrics.k8s.io/v1beta1", "resources": []}
        body = json.dumps({"apiVersion": "metrics.k8s.io/v1beta1"} | response).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6  # with "::", also for IPv4


server = Server(("::", 6443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/certificate/tls.crt", "/certificate/tls.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
