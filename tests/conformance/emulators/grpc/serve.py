"""Serve small parts of Google's gRPC APIs at a port: `serve.py PORT`.

The messages are those of Google's own packages, so that a field that the API lacks cannot be read. A method that no module
has gets gRPC's `UNIMPLEMENTED`.
"""

import concurrent.futures
import sys

import bigtable
import cloud_logging
import firestore
import grpc
import kms
import pubsub
import secret_manager

MODULES = [bigtable, cloud_logging, firestore, kms, pubsub, secret_manager]
# A streaming pull takes a thread for as long as it is open.
THREADS = 64


def handler(function, request_type, kind):
    """Return gRPC's handler of a function. `kind` names what is a stream: `unary_unary`, `unary_stream` or `stream_stream`."""
    return getattr(grpc, f"{kind}_rpc_method_handler")(
        function, request_deserializer=request_type.deserialize, response_serializer=serialize
    )


def serialize(answer):
    # Google's common messages, such as Empty, are not wrapped.
    return answer.SerializeToString() if hasattr(answer, "SerializeToString") else type(answer).serialize(answer)


def main(port):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(THREADS))
    for service, methods in (item for module in MODULES for item in module.SERVICES.items()):
        handlers = {name: handler(*method) for name, method in methods.items()}
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1])
