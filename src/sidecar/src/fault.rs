//! What can go wrong between the projected token and Google's: a closed set, each with the hop, the cause and the mend,
//! so that the log, `ready` (and so the pod's events), the metrics and the local server say the same.

use std::fmt;
use std::time::Duration;

/// With whom the sidecar talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// AWS STS.
    AwsSts,
    /// Google STS.
    GoogleSts,
    /// EKS Pod Identity's agent on the node.
    PodIdentity,
    /// Google's IAM Credentials API.
    IamCredentials,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AwsSts => "AWS STS",
            Self::GoogleSts => "Google STS",
            Self::PodIdentity => "EKS Pod Identity",
            Self::IamCredentials => "IAM Credentials",
        })
    }
}

/// Where on the way it went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// Reading the projected token.
    ProjectedToken,
    /// Reaching somebody.
    Connection,
    /// What somebody answered.
    Answer,
    /// Signing and publishing.
    Publication,
}

/// Whether trying again helps by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outlook {
    /// It passes.
    Passing,
    /// Somebody must mend it.
    Lasting,
}

macro_rules! reasons {
    ($($(#[$meta:meta])* $name:ident = $code:literal, $hop:ident, $outlook:ident, $cause:literal, $mend:literal;)+) => {
        /// What went wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$meta])* $name,)+
        }

        impl Reason {
            /// Every reason, in the order of the enum: `ALL[reason as usize] == reason`.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// As metrics and logs name it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// Where it went wrong.
            #[must_use]
            pub const fn hop(self) -> Hop {
                match self { $(Self::$name => Hop::$hop,)+ }
            }

            /// Whether somebody must mend it; it is retried slowly then.
            #[must_use]
            pub const fn is_lasting(self) -> bool {
                matches!(match self { $(Self::$name => Outlook::$outlook,)+ }, Outlook::Lasting)
            }

            /// What is wrong.
            #[must_use]
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$name => $cause,)+ }
            }

            /// What mends it.
            #[must_use]
            pub const fn mend(self) -> &'static str {
                match self { $(Self::$name => $mend,)+ }
            }
        }
    };
}

reasons! {
    /// The projected token's file cannot be read.
    TokenUnreadable = "token-unreadable", ProjectedToken, Passing,
        "the projected token cannot be read",
        "the kubelet writes it: see the pod's events";
    /// The projected token's file is empty.
    TokenEmpty = "token-empty", ProjectedToken, Passing,
        "the projected token is empty",
        "the kubelet fills it within seconds: see the pod's events if it does not";
    /// The projected token's file holds something else.
    TokenMalformed = "token-malformed", ProjectedToken, Passing,
        "the projected token's file holds no JSON web token",
        "the kubelet writes it: see the pod's events";
    /// The projected token's file holds one that has expired.
    TokenStale = "token-stale", ProjectedToken, Passing,
        "the projected token has expired",
        "the kubelet renews it: see whether the node's kubelet is healthy, and the node's clock";
    /// Further TLS roots cannot be used.
    BadRoots = "bad-roots", Connection, Lasting,
        "the further TLS roots cannot be used",
        "let the file hold certificates in PEM";
    /// No address for the host.
    Dns = "dns", Connection, Passing,
        "its host name has no address",
        "check the region, the endpoint and the pod's DNS";
    /// No connection.
    Connect = "connect", Connection, Passing,
        "no connection could be made, or it broke",
        "check the network policies, the security groups and whether a proxy is needed";
    /// No answer in time.
    Timeout = "timeout", Connection, Passing,
        "it did not answer in time",
        "check the network policies, the security groups and whether a proxy is needed";
    /// The proxy did not let us through.
    Proxy = "proxy", Connection, Passing,
        "the proxy did not let the connection through",
        "let the proxy allow CONNECT to this host, or add the host to NO_PROXY";
    /// The server's certificate is not trusted.
    Untrusted = "untrusted", Connection, Lasting,
        "the server's certificate is not trusted",
        "name your company's roots with the annotation rolebridge.io/ca-bundle, or check the endpoint";
    /// The server's certificate is of another time.
    CertificateDate = "certificate-date", Connection, Passing,
        "the server's certificate is not valid at this time",
        "check the node's clock, then the certificate of the endpoint";
    /// The TLS handshake failed otherwise.
    Tls = "tls", Connection, Passing,
        "the TLS handshake failed",
        "check that the endpoint speaks TLS 1.2 or 1.3";
    /// `AccessDenied`: AWS does not tell a role that is not there from one whose trust policy says no.
    AccessDenied = "access-denied", Answer, Lasting,
        "the role does not trust this pod's service account, or there is no such role",
        "check the role's ARN, and that its trust policy allows sts:AssumeRoleWithWebIdentity to the cluster's OIDC provider for this namespace and service account (the conditions on :sub and :aud)";
    /// `InvalidIdentityToken`: nobody registered the cluster.
    NoIdentityProvider = "no-identity-provider", Answer, Lasting,
        "the account has no IAM OIDC provider for this cluster",
        "create one for the cluster's issuer in the role's account";
    /// `InvalidIdentityToken`: another audience than the provider's.
    WrongAudience = "wrong-audience", Answer, Lasting,
        "the IAM OIDC provider does not list the token's audience",
        "add sts.amazonaws.com to the provider's audiences, or annotate the service account with the audience that it lists";
    /// `InvalidIdentityToken`, else.
    TokenRejected = "token-rejected", Answer, Lasting,
        "the projected token could not be validated",
        "check that the IAM OIDC provider is the one of this cluster's issuer, and that AWS can fetch its keys";
    /// `ExpiredTokenException`.
    TokenExpired = "token-expired", Answer, Passing,
        "the projected token has expired",
        "the kubelet renews it: see whether the node's kubelet is healthy";
    /// `IDPCommunicationError`.
    ProviderUnreachable = "provider-unreachable", Answer, Passing,
        "AWS could not reach the cluster's OIDC issuer",
        "if it lasts, check that the issuer's keys can be fetched from the internet";
    /// `IDPRejectedClaim`.
    ClaimRejected = "claim-rejected", Answer, Lasting,
        "a claim of the projected token was rejected",
        "check the IAM OIDC provider and the service account";
    /// `ValidationError` about `DurationSeconds`.
    SessionTooLong = "session-too-long", Answer, Lasting,
        "the role's maximum session duration is shorter than an hour",
        "set the role's maximum session duration to 3600 seconds or more";
    /// `ValidationError`, else.
    InvalidRequest = "invalid-request", Answer, Lasting,
        "it calls the request invalid",
        "check the role's ARN and the session name";
    /// `MalformedPolicyDocument`, `PackedPolicyTooLarge`.
    PolicyRefused = "policy-refused", Answer, Lasting,
        "it refused the session policy",
        "check that the endpoint is AWS STS itself";
    /// `RegionDisabledException`.
    RegionDisabled = "region-disabled", Answer, Lasting,
        "AWS STS is not activated in this region for this account",
        "activate it in the IAM console, or choose another region with the annotation rolebridge.io/aws-region";
    /// `AccessDenied` to `GetWebIdentityToken`.
    WebTokenDenied = "web-token-denied", Answer, Lasting,
        "the role may not ask for a JSON web token",
        "allow sts:GetWebIdentityToken in the role's policies, and in the organization's";
    /// `OutboundWebIdentityFederationDisabledException`.
    FederationDisabled = "federation-disabled", Answer, Lasting,
        "outbound web identity federation is not enabled in the role's account",
        "enable it: aws iam enable-outbound-web-identity-federation";
    /// EKS Auth gives the pod no credentials.
    NoAssociation = "no-association", Answer, Lasting,
        "it gives this pod no credentials",
        "associate the pod's service account with a role (aws eks create-pod-identity-association), whose trust policy allows sts:AssumeRole and sts:TagSession to pods.eks.amazonaws.com";
    /// Too many requests.
    Throttled = "throttled", Answer, Passing,
        "it asks for fewer requests",
        "nothing: it is tried again later";
    /// An error of AWS's own.
    ServerError = "server-error", Answer, Passing,
        "it has a fault of its own",
        "nothing: it is tried again";
    /// Another refusal.
    Refused = "refused", Answer, Lasting,
        "it refused the request",
        "see what it said";
    /// Something that nobody there says.
    UnexpectedAnswer = "unexpected-answer", Answer, Passing,
        "the answer is not one that it gives",
        "check the endpoint and whether a proxy answers in its place";
    /// `unauthorized_client`.
    ConditionRejected = "condition-rejected", Answer, Lasting,
        "the provider's attribute condition rejects what this pod proves",
        "compare the provider's attribute condition with the pod's role, account and session name";
    /// `invalid_request` about the length of a mapped attribute.
    SubjectTooLong = "subject-too-long", Answer, Lasting,
        "an attribute that the provider maps is too long",
        "shorten the role's name or, with the annotation rolebridge.io/session-name, the session's, or map google.subject to something shorter";
    /// `invalid_target`, and `invalid_request` about the audience.
    NoProvider = "no-provider", Answer, Lasting,
        "there is no such provider, or it is disabled",
        "check the annotation rolebridge.io/provider, and that pool and provider exist and are enabled";
    /// `invalid_grant`.
    SubjectRejected = "subject-rejected", Answer, Lasting,
        "it does not take the subject token",
        "check that the provider is of the right kind and trusts the AWS account or the issuer";
    /// `invalid_grant`, when what AWS said to Google passes.
    SubjectUnchecked = "subject-unchecked", Answer, Passing,
        "it could not check the subject token",
        "nothing: it is tried again; if it lasts, see what it said";
    /// `SERVICE_DISABLED`.
    ApiDisabled = "api-disabled", Answer, Lasting,
        "the API is not enabled in the project",
        "enable it in the project that the message names";
    /// `PERMISSION_DENIED` by the service account's policy.
    ImpersonationDenied = "impersonation-denied", Answer, Lasting,
        "the pod's principal may not be this service account, or there is no such account",
        "grant roles/iam.workloadIdentityUser on the service account to the principal; in a chain of delegates, roles/iam.serviceAccountTokenCreator on each to the one before";
    /// `INVALID_ARGUMENT` about the lifetime.
    LifetimeRefused = "lifetime-refused", Answer, Lasting,
        "the token may not live for so long",
        "shorten the annotation rolebridge.io/token-lifetime, or list the service account in the organization policy iam.allowServiceAccountCredentialLifetimeExtension";
    /// `UNAUTHENTICATED`: the federated token is not taken.
    FederatedRejected = "federated-rejected", Answer, Passing,
        "it does not take the federated token",
        "nothing: another one is asked for";
    /// The token could not be signed.
    Unsigned = "unsigned", Publication, Lasting,
        "the token could not be signed",
        "check the region and the audience";
    /// The file could not be written.
    Unwritten = "unwritten", Publication, Passing,
        "the token's file could not be written",
        "check that the volume is there, writable and not full";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The most characters of others' words that a sentence repeats.
const MOST_DETAIL: usize = 400;

/// A reason and what was found, in the words of whoever said it. Carries no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    peer: Peer,
    reason: Reason,
    detail: String,
}

impl Fault {
    /// `detail` is what was found and where; one line of it is kept. A fault of AWS STS, or of reaching it, unless
    /// [`Fault::at`] says otherwise.
    #[must_use]
    pub fn new(reason: Reason, detail: impl AsRef<str>) -> Self {
        let one_line = |c: char| if c.is_control() { ' ' } else { c };
        let detail = detail.as_ref().trim().chars().map(one_line).take(MOST_DETAIL).collect();
        Self { peer: Peer::AwsSts, reason, detail }
    }

    /// The same at `peer`.
    #[must_use]
    pub fn at(self, peer: Peer) -> Self {
        Self { peer, ..self }
    }

    /// What went wrong.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether somebody must mend it.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.reason.is_lasting()
    }

    /// Says it in the log, and when it is tried again; `token`: which of Google's could not be had.
    pub fn log(&self, token: Option<&str>, retry_in: Duration) {
        let (reason, retry_in_seconds) = (self.reason.code(), retry_in.as_secs_f32());
        if self.is_lasting() {
            tracing::error!(token, reason, retry_in_seconds, "{self}");
        } else {
            tracing::warn!(token, reason, retry_in_seconds, "{self}");
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, reason, detail } = self;
        match reason.hop() {
            Hop::ProjectedToken => write!(f, "projected token"),
            Hop::Connection => write!(f, "connection to {peer}"),
            Hop::Answer => write!(f, "{peer}"),
            Hop::Publication => write!(f, "publication"),
        }?;
        write!(f, ": {} ({detail}). To mend: {}.", reason.cause(), reason.mend())
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_indexes_hold() {
        let codes: HashSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for (index, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
    }

    #[test]
    fn a_fault_is_one_sentence_on_one_line() {
        let fault = Fault::new(Reason::AccessDenied, "role arn:aws:iam::1:role/r: Not\nauthorized");
        assert_eq!(
            fault.to_string(),
            "AWS STS: the role does not trust this pod's service account, or there is no such role \
             (role arn:aws:iam::1:role/r: Not authorized). To mend: check the role's ARN, and that its trust policy \
             allows sts:AssumeRoleWithWebIdentity to the cluster's OIDC provider for this namespace and service \
             account (the conditions on :sub and :aud)."
        );
        assert!(Fault::new(Reason::Connect, "x".repeat(10_000)).to_string().len() < 700);
    }

    #[test]
    fn the_hop_names_who_it_was() {
        let dns = Fault::new(Reason::Dns, "").at(Peer::GoogleSts).to_string();
        assert!(dns.starts_with("connection to Google STS: its host name has no address"), "{dns}");
        let denied = Fault::new(Reason::ImpersonationDenied, "").at(Peer::IamCredentials).to_string();
        assert!(denied.starts_with("IAM Credentials: the pod's principal may not be"), "{denied}");
    }
}
