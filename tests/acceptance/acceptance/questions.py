"""The questions: a table of what is asked, how, what the product expects, and what to change if it is wrong."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Question:
    """A fact that only a real cloud can confirm."""

    id: str
    asks: str
    how: str
    expects: str
    change: str
    """The files that assume the fact."""


QUESTIONS = [
    Question(
        "deny-all-session-path",
        "Does the main path work under the session policy that denies everything?",
        "`rolebridge doctor` on a pod that the commands of `rolebridge setup` trust",
        "no step fails",
        "`DENY_ALL_SESSION_POLICY` in src/core/src/aws.rs; docs/src/security.md",
    ),
    Question(
        "deny-all-denies",
        "Does that policy deny what the role may do, and does the identity remain?",
        "`DecodeAuthorizationMessage`, which the role allows, and `GetCallerIdentity`, without and with the policy",
        "only `GetCallerIdentity` works with the policy",
        "`DENY_ALL_SESSION_POLICY` in src/core/src/aws.rs; docs/src/threat-model.md",
    ),
    Question(
        "web-identity-token-policy",
        "Does `GetWebIdentityToken` work under a session policy that allows it alone?",
        "`GetWebIdentityToken` in a session with the policy of the identity `aws-jwt`",
        "AWS returns a token",
        "`GET_WEB_IDENTITY_TOKEN_SESSION_POLICY` in src/core/src/aws.rs",
    ),
    Question(
        "google-takes-partitions",
        "Which hosts of AWS STS does Google call?",
        "an exchange of a request to each host; an error that quotes AWS shows that Google has called it",
        "the hosts of all regions, and none of FIPS and dual-stack",
        "`public_sts_host` in src/core/src/aws.rs; tests/fake-clouds/src/aws/host.rs; docs/src/choose.md",
    ),
    Question(
        "other-account-words",
        "How does Google reject a role of another account than the provider's?",
        "an exchange at a provider with the account 000000000000",
        "`invalid_grant`",
        "src/sidecar/src/google/exchange.rs; tests/fake-clouds/src/google/aws_exchange.rs",
    ),
    Question(
        "role-with-path",
        "Do the subject and `attribute.aws_role` of a role with a path leave the path out?",
        "`rolebridge doctor` on a pod that has a role with a path",
        "AWS returns the name without the path, and the binding that `setup` prints matches",
        "`assumed_role_arn` in src/core/src/aws.rs",
    ),
    Question(
        "introspect-without-client-authentication",
        "Does `introspect` accept a request without client authentication?",
        "`POST /v1/introspect` with a federated token only",
        "status 401",
        "src/sidecar/src/doctor/google.rs; tests/fake-clouds/src/google/introspection.rs",
    ),
    Question(
        "eks-auth-projected-token",
        "Does EKS Auth accept the token that the webhook projects into the sidecar?",
        "`rolebridge doctor` on a pod with an association of EKS Pod Identity",
        "no step fails",
        "src/inject/src/patch/sidecar; src/sidecar/src/credential/pod_identity.rs",
    ),
    Question(
        "signature-age",
        "For how long does AWS accept a signature?",
        "requests that are dated 4, 6, 14 and 16 minutes before, sent to AWS directly and by Google",
        "at least 5 minutes",
        "`SIGNATURE_LIFETIME` in src/sidecar/src/schedule.rs; tests/fake-clouds/src/config.rs",
    ),
    Question(
        "fargate",
        "Do a native sidecar and a volume in memory work on Fargate?",
        "`rolebridge doctor` on a pod that a Fargate profile selects",
        "the pod is on Fargate, and no step fails",
        "docs/src/install.md",
    ),
    Question(
        "expired-federated-token",
        "How does `generateAccessToken` reject an expired federated token?",
        "a federated token of a minute, used after its end",
        "status 401, `UNAUTHENTICATED`",
        "src/sidecar/src/google/impersonate.rs; tests/fake-clouds/src/google/error.rs",
    ),
    Question(
        "aws-denial-words",
        "How do AWS and the agent reject `GetWebIdentityToken`, a token for another audience, and a missing association?",
        "a session that denies everything, and `rolebridge doctor` on two pods without an association",
        "`AccessDenied` and two errors of the agent",
        "src/sidecar/src/aws/error.rs; tests/fake-clouds/src/aws/pod_identity/error.rs",
    ),
]
