"""What a run makes at the clouds and in the cluster: by the commands of `rolebridge setup`, when a question needs it."""

import dataclasses
import json
import time

from acceptance.answer import Unanswered
from acceptance.aws import Rejected, signed_request, subject_token
from acceptance.console import CommandFailed
from acceptance.google import JWT as JWT_TYPE
from acceptance.setup import Setup

PREFIX = "rolebridge-acceptance"  # of every role, namespace and service account that a run may delete
POOL_PREFIX = "rolebridge-acc-"
SHORTEST = 60  # seconds, the shortest token of AWS
ACCOUNT = "acceptance"  # the Kubernetes service account in each namespace
ALL_BUT_DATA = "(?!Google: roles on the data)"  # no question reads data, and `setup` expects a bucket
OTHER_ROLE = "arn:aws:iam::000000000000:role/other"
# The role allows one more action, which is harmless, so that a denial is the session policy's.
ALLOWED = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:DecodeAuthorizationMessage", "Resource": "*"}]}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A role with a namespace, which `rolebridge setup` connects."""

    name: str
    identity: str = "aws-role"
    path: str = "/"

    @property
    def namespace(self):
        return PREFIX + (f"-{self.name}" if self.name else "")

    @property
    def provider(self):
        """The ID of its provider, of its own, because the provider's condition names one role."""
        return f"accept-{self.name or 'main'}"


MAIN, PATH, JWT = Kind(""), Kind("path", path=f"/{PREFIX}/"), Kind("jwt", identity="aws-jwt")
PODS, FARGATE = Kind("pods"), Kind("fargate")
KINDS = [MAIN, PATH, JWT, PODS, FARGATE]


class World:
    """The clouds, the cluster, and what has been made there."""

    def __init__(self, options, console, removals, cluster, sts, google):
        self.options, self.console, self.removals = options, console, removals
        self.cluster, self.sts, self.google = cluster, sts, google
        self.setup = Setup(console, options.timeout)
        self.made = {}
        self._short_token = None
        self.email = f"{PREFIX}@{options.project}.iam.gserviceaccount.com"
        self.project_number = console.run("gcloud", "projects", "describe", options.project, "--format", "value(projectNumber)")
        console.names[self.project_number] = "NUMBER"
        self.issuer = cluster.issuer()

    def role_arn(self, kind):
        """Return the ARN of the role of a kind."""
        prefix, name = self.options.role_arn.split(":role/")
        return f"{prefix}:role{kind.path}{name}{kind.name and '-'}{kind.name}"

    def role_name(self, kind):
        return self.role_arn(kind).rsplit("/", 1)[1]

    def audience(self, provider):
        """Return the audience of a provider of the pool."""
        pool = f"projects/{self.project_number}/locations/global/workloadIdentityPools/{self.options.pool}"
        return f"//iam.googleapis.com/{pool}/providers/{provider}"

    def make(self, kind):
        """Make what a kind needs, once. Raise Unanswered if a command fails."""
        if kind not in self.made:
            self.made[kind] = None
            try:
                self._make(kind)
            except CommandFailed as error:
                self.made[kind] = str(error)
        if self.made[kind]:
            raise Unanswered(self.made[kind])

    def _make(self, kind):
        if list(self.made) == [kind]:
            self._make_shared()
        name = self.role_name(kind)
        self.removals.add("aws", "iam", "delete-role", "--role-name", name)
        for policy in ["acceptance", *["rolebridge"] * (kind.identity == "aws-jwt")]:
            self.removals.add("aws", "iam", "delete-role-policy", "--role-name", name, "--policy-name", policy)
        if kind.identity == "aws-jwt":
            self._keep_or_remove(
                ["aws", "iam", "get-outbound-web-identity-federation-info"],
                "IssuerIdentifier",
                ["aws", "iam", "disable-outbound-web-identity-federation"],
            )
        self.make_namespace(kind.namespace)
        self.setup.run(self._setup_arguments(kind, self.role_arn(kind), kind.provider), sections=ALL_BUT_DATA)
        policy = ["--policy-name", "acceptance", "--policy-document", json.dumps(ALLOWED)]
        self.console.run("aws", "iam", "put-role-policy", "--role-name", name, *policy)

    def _make_shared(self):
        """Register the removal of what all kinds share."""
        project, pool = self.options.project, self.options.pool
        self._keep_or_remove(
            ["aws", "iam", "list-open-id-connect-providers", "--output", "text"],
            self.issuer.removeprefix("https://"),
            ["aws", "iam", "delete-open-id-connect-provider", "--open-id-connect-provider-arn", self._oidc_provider_arn()],
        )
        self.removals.add(
            *"gcloud iam workload-identity-pools delete".split(), pool, "--project", project, "--location", "global", "--quiet"
        )
        self.removals.add(*"gcloud iam service-accounts delete".split(), self.email, "--project", project, "--quiet")

    def _keep_or_remove(self, listing, name, removal):
        """Add a removal, unless the resource exists already: then others use it."""
        found = self.console.try_run(*listing)
        if found.returncode or name not in found.stdout:
            self.removals.add(*removal)

    def _oidc_provider_arn(self):
        prefix = self.options.role_arn.split(":role/")[0]
        return f"{prefix}:oidc-provider/{self.issuer.removeprefix('https://')}"

    def _setup_arguments(self, kind, role_arn, provider):
        return [
            *["--identity", kind.identity, "--role-arn", role_arn],
            *["--project-number", self.project_number, "--pool", self.options.pool, "--provider", provider],
            *["--google-service-account", self.email, "--issuer", self.issuer],
            *["--namespace", kind.namespace, "--service-account", ACCOUNT],
        ]

    def make_namespace(self, name):
        """Make a namespace, with the objects that this cluster's pods need."""
        self.removals.add("kubectl", "delete", "namespace", name, "--ignore-not-found")
        annotations = dict(pair.split("=", 1) for pair in self.options.namespace_annotation)
        self.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": annotations}})
        for file in self.options.apply:
            self.console.run("kubectl", "--namespace", name, "apply", "--filename", file)

    def make_other_provider(self):
        """Make a provider that trusts another account, and return its audience."""
        self.make(MAIN)
        arguments = self._setup_arguments(MAIN, OTHER_ROLE, "other-account")
        self.setup.run(arguments, sections="Google: the pool")
        return self.audience("other-account")

    def assume(self, kind, policy=None):
        """Return credentials of a role. A new role takes time to reach all servers of AWS."""
        self.make(kind)
        token = self.cluster.token(kind.namespace, ACCOUNT)
        return self.eventually(lambda: self.sts.assume(self.role_arn(kind), token, policy=policy))

    def eventually(self, call):
        """Return the result of a call, which is repeated while AWS rejects it, until the timeout."""
        deadline = time.monotonic() + self.options.timeout
        while True:
            try:
                return call()
            except Rejected:
                if time.monotonic() > deadline:
                    raise
                time.sleep(2)

    def federated_token(self, credentials, audience):
        """Exchange a signed request. Return the token. Raise Unanswered if Google still rejects it at the timeout."""
        deadline = time.monotonic() + self.options.timeout
        while True:
            headers = signed_request(credentials, self.options.region, self.sts_host(), audience)
            reply = self.google.exchange(audience, subject_token(headers))
            if token := reply.json.get("access_token"):
                return token
            if time.monotonic() > deadline:
                raise Unanswered(f"the exchange failed: {reply.words()}")
            time.sleep(2)

    def short_token(self):
        """Return a federated token of a minute, and the time of its end. It is made once, at the start of a run."""
        if not self._short_token:
            credentials, audience = self.assume(JWT), self.audience(JWT.provider)
            deadline = time.monotonic() + self.options.timeout
            while True:
                token = self.eventually(lambda: self.sts.web_identity_token(credentials, "https:" + audience, SHORTEST))
                reply = self.google.exchange(audience, token, JWT_TYPE)
                if reply.status == 200:
                    break
                if time.monotonic() > deadline:
                    raise Unanswered(f"the exchange failed: {reply.words()}")
                time.sleep(2)
            # A response without `expires_in` has a token that ends with the subject token.
            seconds = reply.json.get("expires_in", SHORTEST)
            self._short_token = reply.json["access_token"], time.monotonic() + seconds + 2
        return self._short_token

    def sts_host(self):
        """Return the host of AWS STS in the region, by the rules of its SDK."""
        return host_of(self.options.region)


def host_of(region):
    """Return the public host of AWS STS in a region."""
    return f"sts.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")
