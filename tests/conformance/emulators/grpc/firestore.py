"""Firestore: documents are written whole, read by name, and listed by collection."""

import datetime

import grpc
from google.cloud.firestore_v1 import types as api

DOCUMENTS = {}


def now():
    return datetime.datetime.now(datetime.UTC)


def commit(request, context):
    for write in request.writes:
        operation = type(write).pb(write).WhichOneof("operation")
        if operation == "update":
            DOCUMENTS[write.update.name] = write.update
        elif operation == "delete":
            DOCUMENTS.pop(write.delete, None)
        else:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"This emulator has no write {operation}.")
    results = [api.WriteResult(update_time=now()) for _ in request.writes]
    return api.CommitResponse(write_results=results, commit_time=now())


def stamped(document):
    return api.Document(name=document.name, fields=document.fields, create_time=now(), update_time=now())


def batch_get_documents(request, _context):
    for name in request.documents:
        if name in DOCUMENTS:
            yield api.BatchGetDocumentsResponse(found=stamped(DOCUMENTS[name]), read_time=now())
        else:
            yield api.BatchGetDocumentsResponse(missing=name, read_time=now())


def run_query(request, _context):
    [source] = request.structured_query.from_
    prefix = f"{request.parent}/{source.collection_id}/"
    found = [document for name, document in sorted(DOCUMENTS.items()) if name.startswith(prefix)]
    for document in found:
        yield api.RunQueryResponse(document=stamped(document), read_time=now())
    if not found:
        yield api.RunQueryResponse(read_time=now())


SERVICES = {
    "google.firestore.v1.Firestore": {
        "Commit": (commit, api.CommitRequest, "unary_unary"),
        "BatchGetDocuments": (batch_get_documents, api.BatchGetDocumentsRequest, "unary_stream"),
        "RunQuery": (run_query, api.RunQueryRequest, "unary_stream"),
    }
}
