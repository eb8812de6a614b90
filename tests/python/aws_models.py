"""Validate calls of AWS STS, and answers of the EKS Pod Identity agent, against botocore's service models."""

import re
import urllib.parse
import xml.etree.ElementTree

import botocore.model
from botocore.session import Session
from botocore.utils import parse_timestamp

# Parts of a model that the query protocol writes into a form. Source: AWS Query protocol, Smithy.
MEMBER = re.compile(r"\.member\.(\d+)")
# Java's classes of characters, for brackets of Python's. Every pattern that has them also has the underscore.
JAVA_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"}
# `\u10000` in a model means U+10000, which neither Java nor Python reads so.
ASTRAL = r"\u10000-\u10FFFF"


def model(service):
    return Session().get_service_model(service)


def pattern(text):
    """Return a pattern of a model, which is Java's. botocore itself ignores patterns."""
    ascii_only = re.ASCII if r"\p{" not in text else 0
    text = text.replace(ASTRAL, r"\U00010000-\U0010FFFF")
    for java, python in JAVA_CLASSES.items():
        text = text.replace(java, python)
    return re.compile(text, ascii_only)


class Constraint:
    """A constraint of a model that a value breaks."""

    def __init__(self, where, text):
        self.where, self.text = where, text

    def __str__(self):
        return f"{self.where}: {self.text}"


def check_scalar(where, shape, text):
    """Yield the constraints of a shape that the text of a value breaks."""
    kind, limits = shape.type_name, shape.metadata
    if kind in ("integer", "long"):
        if not re.fullmatch(r"-?\d+", text):
            yield Constraint(where, f"expected an integer, found {text!r}")
            return
        size, unit = int(text), "the value"
    elif kind == "timestamp":
        # The query protocol's format: ISO 8601 in UTC.
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text):
            yield Constraint(where, f"expected a timestamp, found {text!r}")
            return
        parse_timestamp(text)
        return
    elif kind == "boolean":
        if text not in ("true", "false"):
            yield Constraint(where, f"expected a boolean, found {text!r}")
        return
    else:
        size, unit = len(text), "the length"
    if "min" in limits and size < limits["min"]:
        yield Constraint(where, f"expected {unit} to be at least {limits['min']}, found {size}")
    if "max" in limits and size > limits["max"]:
        yield Constraint(where, f"expected {unit} to be at most {limits['max']}, found {size}")
    if "pattern" in limits and not pattern(limits["pattern"]).fullmatch(text):
        yield Constraint(where, f"expected the pattern {limits['pattern']}, found {text!r}")
    if shape.metadata.get("enum") and text not in shape.metadata["enum"]:
        yield Constraint(where, f"expected one of {shape.metadata['enum']}, found {text!r}")


class Form:
    """The parameters of the query protocol, as a tree: `A.member.1.B=c` is `{"A": [{"B": "c"}]}`."""

    def __init__(self, fields):
        self.tree = {}
        for name, value in fields:
            steps = MEMBER.sub(r".\1", name).split(".")
            node = self.tree
            for step in steps[:-1]:
                node = node.setdefault(step, {})
            node[steps[-1]] = value


def check_form(where, shape, node):
    """Yield the constraints that a part of a form breaks."""
    if shape.type_name == "structure":
        for name in shape.required_members:
            if name not in node:
                yield Constraint(f"{where}{name}", "required parameter is missing")
        for name, child in node.items():
            if name not in shape.members:
                yield Constraint(f"{where}{name}", "unknown parameter")
            else:
                yield from check_form(f"{where}{name}", shape.members[name], child)
    elif shape.type_name == "list":
        if not isinstance(node, dict):
            # A form writes an empty list as a parameter without a value.
            node = {} if node == "" else {"1": node}
        size = len(node)
        for bound, broken in [("min", lambda limit: size < limit), ("max", lambda limit: size > limit)]:
            if bound in shape.metadata and broken(shape.metadata[bound]):
                yield Constraint(where, f"expected {bound} {shape.metadata[bound]} items, found {size}")
        for number, child in node.items():
            yield from check_form(f"{where}[{number}]", shape.member, child)
    else:
        yield from check_scalar(where, shape, node)


class Sts:
    """The model of AWS STS."""

    def __init__(self):
        self.model = model("sts")
        self.namespace = "{" + self.model.metadata["xmlNamespace"] + "}"

    def operation(self, name):
        return self.model.operation_model(name) if name in self.model.operation_names else None

    def errors(self, operation):
        """Return the errors of an operation: codes, and for each the status and the party at fault."""
        errors = {}
        for shape in operation.error_shapes if operation else []:
            error = shape.metadata["error"]
            party = "Sender" if error.get("senderFault") else "Receiver"
            errors[error.get("code", shape.name)] = (error["httpStatusCode"], party)
        return errors

    def parameters(self, call):
        """Return the fields of a request, without those of the protocol."""
        fields = urllib.parse.parse_qsl(urllib.parse.urlsplit(call["uri"]).query, keep_blank_values=True)
        fields += urllib.parse.parse_qsl(call["request_body"], keep_blank_values=True)
        return dict(fields).get("Action"), dict(fields).get("Version"), fields

    def check(self, call, other_errors):
        """Yield the problems of a call. `other_errors` has the codes that no model has."""
        action, version, fields = self.parameters(call)
        operation = self.operation(action) if version == self.model.api_version else None
        if call["status"] >= 400:
            yield from self.check_error(action, operation, call, other_errors)
        elif operation is not None:
            broken = self.check_request(operation, fields)
            yield from (f"{action}: the fake accepted a request that the model refuses: {it}" for it in broken)
            yield from self.check_answer(action, operation, call["response_body"])
        elif call["status"] < 300:
            yield f"{action} {version}: the model has no such operation, and the answer is {call['status']}"

    def check_request(self, operation, fields):
        form = Form([field for field in fields if field[0] not in ("Action", "Version")])
        shape = operation.input_shape or botocore.model.StructureShape("Empty", {"type": "structure", "members": {}})
        return check_form("", shape, form.tree)

    def check_answer(self, action, operation, body):
        root = xml.etree.ElementTree.fromstring(body)
        if root.tag != f"{self.namespace}{action}Response":
            yield f"{action}: expected the element {action}Response in {self.namespace}, found {root.tag}"
            return
        wrapper = operation.output_shape.serialization["resultWrapper"]
        names = [self.name(child) for child in root]
        if names != [wrapper, "ResponseMetadata"]:
            yield f"{action}: expected {wrapper} and ResponseMetadata, found {names}"
            return
        yield from self.check_element(f"{action}: ", operation.output_shape, root[0])
        if [self.name(child) for child in root[1]] != ["RequestId"]:
            yield f"{action}: expected a RequestId in ResponseMetadata"

    def name(self, element):
        return element.tag.removeprefix(self.namespace)

    def check_element(self, where, shape, element):
        """Yield the problems of an XML element: unknown, repeated and missing members, and broken constraints."""
        if shape.type_name != "structure":
            # No answer of the fake has a list; one would be unknown text here, so that it cannot pass.
            yield from (str(it) for it in check_scalar(where, shape, element.text or ""))
            return
        names = [self.name(child) for child in element]
        for name in shape.required_members:
            if name not in names:
                yield f"{where}{name} is missing"
        for child in element:
            name = self.name(child)
            if name not in shape.members:
                yield f"{where}{name} is unknown"
            elif names.count(name) > 1:
                yield f"{where}{name} is repeated"
            else:
                yield from self.check_element(f"{where}{name} ", shape.members[name], child)

    def check_error(self, action, operation, call, other_errors):
        root = xml.etree.ElementTree.fromstring(call["response_body"])
        parts = [self.name(part) for part in root]
        if root.tag != f"{self.namespace}ErrorResponse" or parts != ["Error", "RequestId"]:
            yield f"{action}: expected an ErrorResponse with Error and RequestId, found {root.tag} {parts}"
            return
        error = {self.name(part): part.text for part in root[0]}
        if error.keys() != {"Type", "Code", "Message"}:
            yield f"{action}: expected Type, Code and Message, found {sorted(error)}"
            return
        code = error["Code"]
        expected = self.errors(operation).get(code) or other_errors.get(code)
        found = (call["status"], error["Type"])
        if expected is None:
            yield f"{action}: {code} is not an error of the model"
        elif tuple(expected) != found:
            yield f"{action}: {code}: expected {expected}, found {found}"


class EksAuth:
    """The model of the EKS Auth API. The agent forwards its errors."""

    # The agent writes the error of the AWS SDK for Go with its own words around. Source: `pkg/errors` of the agent.
    FORWARDED = re.compile(r"\[[0-9a-f-]{36}\]: \((\w+)\): (.+), fault: (client|server)\n")
    # Fields of the agent's answer. Source: `EksCredentialsResponse` of the agent, which botocore's reader names too.
    FIELDS = {
        "AccessKeyId": "accessKeyId",
        "SecretAccessKey": "secretAccessKey",
        "Token": "sessionToken",
        "Expiration": "expiration",
    }

    def __init__(self):
        self.operation = model("eks-auth").operation_model("AssumeRoleForPodIdentity")
        self.errors = {shape.name: shape.metadata["error"] for shape in self.operation.error_shapes}

    def check_forwarded_error(self, status, text):
        """Yield the problems of an error that the agent forwards. Its own errors have another form."""
        match = self.FORWARDED.fullmatch(text)
        if match is None:
            return
        code, _, party = match.groups()
        error = self.errors.get(code)
        if error is None:
            yield f"{code} is not an error of the model"
            return
        expected = (error["httpStatusCode"], "client" if error.get("senderFault") else "server")
        if (status, party) != expected:
            yield f"{code}: expected {expected}, found {(status, party)}"

    def check_token(self, token):
        """Return the constraints of the model that a token breaks."""
        return list(check_scalar("token", self.operation.input_shape.members["token"], token))

    def check_credentials(self, answer):
        """Yield the problems of the agent's answer."""
        shape = self.operation.output_shape.members["credentials"]
        for name, member in self.FIELDS.items():
            value = answer.get(name)
            if not isinstance(value, str):
                yield f"{name}: expected a string, found {value!r}"
                continue
            yield from (str(it) for it in check_scalar(name, shape.members[member], value))
        for name in answer.keys() - self.FIELDS.keys() - {"AccountId"}:
            yield f"{name}: unknown field"
