"""Bigtable: rows are written by cells and read whole, from any table."""

import grpc
from google.cloud.bigtable_v2 import types as api

# The cells of each row, by table and key.
TABLES = {}


def mutate_rows(request, context):
    rows = TABLES.setdefault(request.table_name, {})
    entries = []
    for index, entry in enumerate(request.entries):
        for mutation in entry.mutations:
            if type(mutation).pb(mutation).WhichOneof("mutation") != "set_cell":
                context.abort(grpc.StatusCode.UNIMPLEMENTED, "This emulator only sets cells.")
            cell = mutation.set_cell
            rows.setdefault(entry.row_key, {})[(cell.family_name, cell.column_qualifier)] = cell.value
        entries.append(api.MutateRowsResponse.Entry(index=index, status={"code": 0}))
    yield api.MutateRowsResponse(entries=entries)


def read_rows(request, _context):
    wanted = set(request.rows.row_keys)
    for key, cells in sorted(TABLES.get(request.table_name, {}).items()):
        if wanted and key not in wanted:
            continue
        chunks = [
            api.ReadRowsResponse.CellChunk(
                row_key=key, family_name=family, qualifier=qualifier, timestamp_micros=1000, value=value
            )
            for (family, qualifier), value in sorted(cells.items())
        ]
        chunks[-1].commit_row = True
        yield api.ReadRowsResponse(chunks=chunks)


def ping_and_warm(_request, _context):
    return api.PingAndWarmResponse()


SERVICES = {
    "google.bigtable.v2.Bigtable": {
        "MutateRows": (mutate_rows, api.MutateRowsRequest, "unary_stream"),
        "ReadRows": (read_rows, api.ReadRowsRequest, "unary_stream"),
        "PingAndWarm": (ping_and_warm, api.PingAndWarmRequest, "unary_unary"),
    }
}
