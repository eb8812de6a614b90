"""Validate calls of Google's APIs against the discovery documents that google-api-python-client ships.

`python discovery.py CALLS...` reads files with one call a line, as JSON: `api` (such as `iam.v1`), `method`, `url`,
`body`, `status` and `answer`. It prints the number of calls of each method, and every problem.
"""

import base64
import binascii
import collections
import importlib.resources
import json
import pathlib
import re
import sys
import urllib.parse

# google.rpc.Code by HTTP status. Source: google/rpc/code.proto.
STATUSES = {
    400: {"INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"},
    401: {"UNAUTHENTICATED"},
    403: {"PERMISSION_DENIED"},
    404: {"NOT_FOUND"},
    409: {"ABORTED", "ALREADY_EXISTS"},
    412: set(),  # only in the older format
    429: {"RESOURCE_EXHAUSTED"},
    499: {"CANCELLED"},
    500: {"INTERNAL", "UNKNOWN", "DATA_LOSS"},
    501: {"UNIMPLEMENTED"},
    503: {"UNAVAILABLE"},
    504: {"DEADLINE_EXCEEDED"},
}

FORMATS = {
    "google-datetime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"),
    "google-duration": re.compile(r"-?\d+(\.\d{1,9})?s"),
    "google-fieldmask": re.compile(r"([A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)(,[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)*"),
    "int64": re.compile(r"-?\d+"),
    "uint64": re.compile(r"\d+"),
}


class Document:
    """A discovery document, such as that of `iam.v1`."""

    def __init__(self, api):
        documents = importlib.resources.files("googleapiclient.discovery_cache") / "documents"
        self.document = json.loads((documents / f"{api}.json").read_text(encoding="utf-8"))
        self.revision = self.document.get("revision", "unknown")
        self.schemas = self.document["schemas"]
        self.methods = [(method, self._pattern(method)) for method in self._methods(self.document)]

    def _methods(self, resource):
        yield from resource.get("methods", {}).values()
        for child in resource.get("resources", {}).values():
            yield from self._methods(child)

    def _pattern(self, method):
        """Return the pattern of a method's URL path. A reserved expansion has the pattern of its parameter."""

        def expand(match):
            reserved, name = match[1] == "+", match[2]
            pattern = method.get("parameters", {}).get(name, {}).get("pattern", "").removeprefix("^").removesuffix("$")
            return f"(?:{pattern or ('.+' if reserved else '[^/]+')})"

        parts = re.split(r"(\{\+?\w+\})", "/" + self.document["servicePath"] + method["path"])
        path = "".join(
            re.sub(r"\{(\+?)(\w+)\}", expand, part) if part.startswith("{") else re.escape(part) for part in parts
        )
        download = "(?:/download)?" if method.get("supportsMediaDownload") else ""
        return re.compile(download + path)

    def find(self, http_method, path):
        """Return the method of a request, or `None`."""
        # A simple expansion is encoded, so that it has no slash; the pattern of a reserved one may need the decoded path.
        paths = (path, urllib.parse.unquote(path))
        found = [
            method
            for method, pattern in self.methods
            if method["httpMethod"] == http_method and any(map(pattern.fullmatch, paths))
        ]
        # The most specific method wins: `{+name}` also matches the path of a longer method.
        return max(found, key=lambda method: len(re.sub(r"\{.*?\}", "", method["path"])), default=None)

    def check_query(self, method, query):
        known = self.document.get("parameters", {}) | method.get("parameters", {})
        for name, values in urllib.parse.parse_qs(query, keep_blank_values=True).items():
            parameter = known.get(name)
            if parameter is None or parameter.get("location") != "query":
                yield f"{name}: unknown query parameter"
                continue
            if len(values) > 1 and not parameter.get("repeated"):
                yield f"{name}: repeated query parameter"
            for value in values:
                if parameter["type"] == "boolean" and value.lower() not in ("true", "false"):
                    yield f"{name}: expected a boolean, found {value!r}"
                elif parameter["type"] == "integer" and not re.fullmatch(r"-?\d+", value):
                    yield f"{name}: expected an integer, found {value!r}"
                elif parameter["type"] == "string":
                    yield from self._check_text(name, parameter, value)
        for name, parameter in method.get("parameters", {}).items():
            if parameter["location"] == "query" and parameter.get("required"):
                if name not in urllib.parse.parse_qs(query):
                    yield f"{name}: required query parameter is missing"

    def check_value(self, where, schema, value, is_request):
        """Yield the problems of a JSON value. A request may hold null, and 64-bit numbers as JSON numbers."""
        schema = self.schemas[schema["$ref"]] if "$ref" in schema else schema
        kind = schema.get("type", "any")
        if value is None and is_request or kind == "any":
            return
        if kind == "object":
            yield from self._check_object(where, schema, value, is_request)
        elif kind == "array":
            if not isinstance(value, list):
                yield f"{where}: expected an array, found {value!r}"
                return
            for index, item in enumerate(value):
                yield from self.check_value(f"{where}[{index}]", schema["items"], item, is_request)
        elif kind == "string":
            if is_request and schema.get("format") in ("int64", "uint64") and type(value) is int:
                return
            if not isinstance(value, str):
                yield f"{where}: expected a string, found {value!r}"
                return
            yield from self._check_text(where, schema, value)
        elif kind == "boolean" and not isinstance(value, bool):
            yield f"{where}: expected a boolean, found {value!r}"
        elif kind == "integer" and (isinstance(value, bool) or not isinstance(value, int)):
            yield f"{where}: expected an integer, found {value!r}"
        elif kind == "number" and (isinstance(value, bool) or not isinstance(value, (int, float))):
            yield f"{where}: expected a number, found {value!r}"

    def _check_object(self, where, schema, value, is_request):
        if not isinstance(value, dict):
            yield f"{where}: expected an object, found {value!r}"
            return
        properties, additional = schema.get("properties", {}), schema.get("additionalProperties")
        for name, member in value.items():
            # Google's JSON parser takes both names of a field.
            known = name if name in properties or not is_request else camel_case(name)
            if known in properties:
                yield from self.check_value(f"{where}.{name}", properties[known], member, is_request)
            elif additional is not None:
                yield from self.check_value(f"{where}.{name}", additional, member, is_request)
            else:
                yield f"{where}.{name}: unknown field"

    @staticmethod
    def _check_text(where, schema, value):
        pattern = FORMATS.get(schema.get("format"))
        if pattern and not pattern.fullmatch(value):
            yield f"{where}: expected the format {schema['format']}, found {value!r}"
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: expected one of {schema['enum']}, found {value!r}"
        if schema.get("format") == "byte":
            try:
                base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
            except binascii.Error:
                yield f"{where}: expected base64, found {value!r}"


def camel_case(name):
    """Return the JSON name of a field: `grant_type` is `grantType`."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def check_error(status, answer):
    """Yield the problems of an error's answer: that of an API, or that of OAuth from STS."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, str):
        for name in answer.keys() - {"error", "error_description", "error_uri"}:
            yield f"error: unknown field {name}"
        return
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        yield f"error: expected an error with a message, found {answer!r}"
        return
    for name in error.keys() - {"code", "message", "status", "details", "errors"}:
        yield f"error: unknown field {name}"
    if error.get("code") != status:
        yield f"error.code: expected {status}, found {error.get('code')!r}"
    if "status" in error and error["status"] not in STATUSES.get(status, set()):
        yield f"error.status: {error['status']!r} does not belong to {status}"


class Validator:
    """Checks calls, and counts them by method."""

    def __init__(self):
        self.documents = {}
        self.counts = collections.Counter()

    def document(self, api):
        if api not in self.documents:
            self.documents[api] = Document(api)
        return self.documents[api]

    def check(self, api, http_method, url, body, status, answer):
        """Return the problems of a call. `body` and `answer` are parsed JSON, or `None`."""
        document = self.document(api)
        url = urllib.parse.urlsplit(url)
        method = document.find(http_method, url.path)
        if method is None:
            # An API answers 404 to a path that it does not have.
            return [] if status == 404 else [f"{api} has no method {http_method} {url.path}"]
        self.counts[method["id"]] += 1
        problems = []
        # A request that was refused may be invalid.
        if status < 400:
            problems += document.check_query(method, url.query)
            if "request" in method:
                problems += document.check_value("body", method["request"], body or {}, True)
            elif body:
                problems.append("body: expected none")
        if status >= 400:
            problems += check_error(status, answer)
        elif "alt=media" not in url.query.split("&"):
            schema = method.get("response", {"type": "object"})
            if answer is not None or "response" in method:
                problems += document.check_value("answer", schema, answer, False)
        return [f"{method['id']}, status {status}: {problem}" for problem in problems]


def check_files(paths):
    """Return a validator that has read the files, and the problems."""
    validator, problems = Validator(), []
    for path in paths:
        for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
            call = json.loads(line)
            found = validator.check(*(call[name] for name in ("api", "method", "url", "body", "status", "answer")))
            problems += [f"{path}: {call['method']} {call['url']}: {problem}" for problem in found]
    return validator, problems


def main(paths):
    validator, problems = check_files(paths)
    for method, count in sorted(validator.counts.items()):
        print(f"{count:5} {method}")
    revisions = sorted(f"{api} {document.revision}" for api, document in validator.documents.items())
    print(f"discovery documents: {', '.join(revisions)}")
    if not validator.counts:
        problems.append("no calls were recorded")
    for problem in problems:
        print(f"discovery: {problem}", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
