"""Cloud DNS: zones, their records, and changes of these, which are done at once."""

import datetime
import itertools
import re
import urllib.parse

HOST, API = "dns.googleapis.com", "dns.v1"
# An older name of the same API.
OLD_HOST = "www.googleapis.com"
NUMBERS = itertools.count(1)
# The zones by name, the records of each zone by name and type, and the changes by number.
ZONES = {}
RECORDS = {}
CHANGES = {}


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def query(path):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))


def zone_name(path):
    """Return the name of a path's zone, which the path has by its name or its number."""
    given = re.search(r"/managedZones/([^/?]+)", path)[1]
    for name, zone in list(ZONES.items()):
        if given in (name, zone["id"]):
            return name
    raise LookupError(f"The 'parameters.managedZone' resource named '{given}' does not exist.")


def create_zone(_path, body):
    # The name servers of each zone stand in it as a record.
    servers = ["ns-cloud-a1.googledomains.com.", "ns-cloud-a2.googledomains.com."]
    zone = {
        "kind": "dns#managedZone",
        "id": str(next(NUMBERS)),
        "creationTime": now(),
        "nameServers": servers,
        "visibility": "public",
        **body,
    }
    ZONES[zone["name"]] = zone
    record = {"name": zone["dnsName"], "type": "NS", "ttl": 21600, "rrdatas": servers}
    RECORDS[zone["name"]] = {(record["name"], "NS"): {"kind": "dns#resourceRecordSet", **record}}
    return zone


def get_zone(path, _body):
    return ZONES[zone_name(path)]


def list_zones(path, _body):
    wanted = query(path).get("dnsName")
    # A copy, because other threads add zones.
    zones = [zone for zone in list(ZONES.values()) if wanted in (None, zone["dnsName"])]
    return {"kind": "dns#managedZonesListResponse", "managedZones": zones}


def list_records(path, _body):
    wanted = query(path)
    names = {key: wanted[key] for key in ("name", "type") if key in wanted}
    # A copy, because other threads change records.
    records = list(RECORDS[zone_name(path)].values())
    found = [record for record in records if all(record[key] == value for key, value in names.items())]
    return {"kind": "dns#resourceRecordSetsListResponse", "rrsets": found}


def create_change(path, body):
    records = RECORDS[zone_name(path)]
    for record in body.get("deletions", []) + body.get("additions", []):
        # Google reads a number that is sent as text, as Python's library does here.
        record["ttl"] = int(record["ttl"])
    for record in body.get("deletions", []):
        key = (record["name"], record["type"])
        if key not in records:
            raise LookupError(f"The 'entity.change.deletions' resource record set '{key}' does not exist.")
        del records[key]
    for record in body.get("additions", []):
        if record["type"] == "TXT":
            # Cloud DNS stores each text in quotes.
            record["rrdatas"] = ['"' + text.strip('"') + '"' for text in record["rrdatas"]]
        records[(record["name"], record["type"])] = {"kind": "dns#resourceRecordSet", **record}
    change = {**body, "kind": "dns#change", "id": str(next(NUMBERS)), "startTime": now(), "status": "done"}
    CHANGES[change["id"]] = change
    return change


def get_change(path, _body):
    number = re.search(r"/changes/([^/?]+)", path)[1]
    if number not in CHANGES:
        raise LookupError(f"The 'parameters.changeId' resource named '{number}' does not exist.")
    return CHANGES[number]


# A zone for programs that only write records.
create_zone(None, {"name": "shop", "dnsName": "shop.example.com.", "description": ""})
ROOT = r"/dns/v1/projects/[^/]+/managedZones"
METHODS = [
    ("POST", ROOT, create_zone),
    ("GET", ROOT, list_zones),
    ("GET", ROOT + r"/[^/]+", get_zone),
    ("GET", ROOT + r"/[^/]+/rrsets", list_records),
    ("POST", ROOT + r"/[^/]+/changes", create_change),
    ("GET", ROOT + r"/[^/]+/changes/[^/]+", get_change),
]
PARTS = [
    (method, host, API, pattern, function) for host in (HOST, OLD_HOST) for method, pattern, function in METHODS
]
