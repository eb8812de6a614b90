"""Cloud Logging: entries are written, and found by their text."""

import json
import re

import grpc
from google.cloud.logging_v2 import types as api

LOG = re.compile(r"projects/[^/]+/logs/[^/]+")
FILTER = re.compile(r"textPayload=(\".*\")")
# The entries in the order of their arrival.
ENTRIES = []


def write_log_entries(request, context):
    for entry in request.entries:
        entry.log_name = entry.log_name or request.log_name
        if not LOG.fullmatch(entry.log_name):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Invalid log name: {entry.log_name}.")
        if not entry.resource.type:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "A log entry has no monitored resource.")
        ENTRIES.append(entry)
    return api.WriteLogEntriesResponse()


def list_log_entries(request, context):
    wanted = FILTER.fullmatch(request.filter)
    if not wanted:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "This emulator only finds entries by textPayload.")
    text, logs = json.loads(wanted[1]), tuple(f"{name}/logs/" for name in request.resource_names)
    found = [entry for entry in list(ENTRIES) if entry.text_payload == text and entry.log_name.startswith(logs)]
    return api.ListLogEntriesResponse(entries=found)


SERVICES = {
    "google.logging.v2.LoggingServiceV2": {
        "WriteLogEntries": (write_log_entries, api.WriteLogEntriesRequest, "unary_unary"),
        "ListLogEntries": (list_log_entries, api.ListLogEntriesRequest, "unary_unary"),
    }
}
