"""Cloud SQL: an instance that a connector reaches by TLS, with a certificate that the Admin API signs.

The instance's server answers each line with the same line. It refuses a client without a certificate of this instance.
"""

import base64
import datetime
import ipaddress
import re
import socketserver
import ssl
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

PROJECT, REGION, INSTANCE = "shop-analytics", "us-central1", "orders"
ADDRESS = "127.0.0.1"
# The port of every instance's server-side proxy, which connectors have compiled in.
PORT = 3307
LIFETIME = datetime.timedelta(hours=1)
# Of a connector's certificate. A connector renews one that is valid for less than four minutes as often as it may: twice a minute.
EPHEMERAL_LIFETIME = datetime.timedelta(minutes=3)
PATH = rf"/sql/v1beta4/projects/{PROJECT}/instances/{INSTANCE}"


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(item):
    return item.public_bytes(serialization.Encoding.PEM).decode()


class Authority:
    """The instance's own authority, for its server and its clients."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.subject = name("Google Cloud SQL Server CA")
        self.certificate = self.sign(self.subject, self.key.public_key(), is_authority=True)

    def sign(self, subject, public_key, is_authority=False, lifetime=LIFETIME):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(self.subject, subject, public_key, x509.random_serial_number())
        builder = builder.not_valid_before(now - LIFETIME).not_valid_after(now + lifetime)
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))])
        return builder.add_extension(address, critical=False).sign(self.key, hashes.SHA256())


AUTHORITY = Authority()


def ssl_cert(certificate):
    fingerprint = certificate.fingerprint(hashes.SHA1()).hex()
    common_name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    return {
        "kind": "sql#sslCert",
        "instance": INSTANCE,
        "commonName": common_name,
        "cert": pem(certificate),
        "sha1Fingerprint": fingerprint,
    }


def connect_settings(_path, _body):
    return {
        "kind": "sql#connectSettings",
        "region": REGION,
        "databaseVersion": "POSTGRES_17",
        "backendType": "SECOND_GEN",
        "ipAddresses": [{"type": "PRIMARY", "ipAddress": ADDRESS}],
        "serverCaCert": ssl_cert(AUTHORITY.certificate),
    }


def generate_ephemeral_cert(_path, body):
    """Sign the public key of a connector. Its PEM header says PKCS #1, but the key is a SubjectPublicKeyInfo."""
    key = base64.b64decode("".join(re.sub(r"-----[^-]+-----", "", body["public_key"]).split()))
    certificate = AUTHORITY.sign(name("cloud-sql-ephemeral"), serialization.load_der_public_key(key), lifetime=EPHEMERAL_LIFETIME)
    return {"ephemeralCert": ssl_cert(certificate)}


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__((ADDRESS, PORT), Echo)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        certificate = AUTHORITY.sign(name(f"{PROJECT}:{INSTANCE}"), key.public_key())
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=pem(AUTHORITY.certificate))
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.verify_mode = ssl.CERT_REQUIRED
        encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        with tempfile.NamedTemporaryFile() as file:
            file.write(key.private_bytes(*encoding) + pem(certificate).encode())
            file.flush()
            self.context.load_cert_chain(file.name)

    def finish_request(self, request, client_address):
        # Here, in the connection's own thread: a client that never says hello does not stop the others.
        with self.context.wrap_socket(request, server_side=True) as stream:
            super().finish_request(stream, client_address)


def start():
    threading.Thread(target=Server().serve_forever, daemon=True).start()


HOST, API = "sqladmin.googleapis.com", "sqladmin.v1beta4"
PARTS = [
    ("GET", HOST, API, f"{PATH}/connectSettings", connect_settings),
    ("POST", HOST, API, f"{PATH}:generateEphemeralCert", generate_ephemeral_cert),
]
