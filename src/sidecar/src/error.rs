//! The errors between the projected token and Google's tokens: a closed set, each with its code, message and remediation.
//!
//! The log, `ready` (and so the pod's events), the metrics and the local server report the same errors.

use std::fmt;
use std::time::Duration;

/// A service that the sidecar calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// AWS STS.
    AwsSts,
    /// Google STS.
    GoogleSts,
    /// The EKS Pod Identity agent on the node.
    PodIdentity,
    /// Google's IAM Credentials API.
    IamCredentials,
}

impl Service {
    /// Returns the service's name in messages and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwsSts => "AWS STS",
            Self::GoogleSts => "Google STS",
            Self::PodIdentity => "EKS Pod Identity",
            Self::IamCredentials => "IAM Credentials",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The part of a refresh in which an error occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading the projected token.
    ProjectedToken,
    /// Connecting to a service.
    Connection,
    /// Reading a service's response.
    Response,
    /// Signing and publishing.
    Publication,
}

/// The effect of retrying an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retryability {
    /// A retry may succeed without a change.
    Transient,
    /// A retry fails until an operator fixes the cause.
    Permanent,
}

macro_rules! error_kinds {
    ($($(#[$meta:meta])* $name:ident = $code:literal, $stage:ident, $retryability:ident, $message:literal, $remediation:literal;)+) => {
        /// The kind of an [`Error`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorKind {
            $($(#[$meta])* $name,)+
        }

        impl ErrorKind {
            /// All kinds, in the order of the enum: `ALL[kind as usize] == kind`.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the code in metrics, logs and JSON.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// Returns the stage in which the error occurs.
            #[must_use]
            pub const fn stage(self) -> Stage {
                match self { $(Self::$name => Stage::$stage,)+ }
            }

            /// Returns true if an operator must fix the cause. Such errors are retried slowly.
            #[must_use]
            pub const fn is_permanent(self) -> bool {
                matches!(match self { $(Self::$name => Retryability::$retryability,)+ }, Retryability::Permanent)
            }

            /// Returns the cause.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)+ }
            }

            /// Returns the fix: an imperative without a full stop.
            #[must_use]
            pub const fn remediation(self) -> &'static str {
                match self { $(Self::$name => $remediation,)+ }
            }
        }
    };
}

error_kinds! {
    /// The projected token's file cannot be read.
    TokenUnreadable = "token-unreadable", ProjectedToken, Transient,
        "failed to read the projected token",
        "check the pod's events: the kubelet writes this file";
    /// The projected token's file is empty.
    TokenEmpty = "token-empty", ProjectedToken, Transient,
        "the projected token is empty",
        "check the pod's events if this persists: the kubelet fills the file within seconds";
    /// The projected token's file contains something other than a JSON web token.
    TokenMalformed = "token-malformed", ProjectedToken, Transient,
        "the projected token's file does not contain a JSON web token",
        "check the pod's events: the kubelet writes this file";
    /// The projected token in the file has expired.
    TokenStale = "token-stale", ProjectedToken, Transient,
        "the projected token has expired",
        "check the node's kubelet, which renews the token, and the node's clock";
    /// A CA bundle cannot be used.
    InvalidCaBundle = "invalid-ca-bundle", Connection, Permanent,
        "the CA bundle is invalid",
        "use a file that contains certificates in PEM";
    /// The host name cannot be resolved.
    Dns = "dns", Connection, Transient,
        "the host name cannot be resolved",
        "check the region, the endpoint and the pod's DNS";
    /// The connection failed.
    Connect = "connect", Connection, Transient,
        "the connection failed or was closed",
        "check the network policies, the security groups and whether a proxy is needed";
    /// The response did not arrive in time.
    Timeout = "timeout", Connection, Transient,
        "the request timed out",
        "check the network policies, the security groups and whether a proxy is needed";
    /// The proxy rejected the connection.
    Proxy = "proxy", Connection, Transient,
        "the proxy rejected the connection",
        "allow CONNECT to this host in the proxy, or add the host to NO_PROXY";
    /// The server's certificate is not trusted.
    Untrusted = "untrusted", Connection, Permanent,
        "the server's certificate is not trusted",
        "set your company's CA certificates with the annotation rolebridge.io/ca-bundle of the namespace, or check the endpoint";
    /// The server's certificate has expired or is not valid yet.
    CertificateDate = "certificate-date", Connection, Transient,
        "the server's certificate is not valid at this time",
        "check the node's clock, then the certificate of the endpoint";
    /// The TLS handshake failed for another reason.
    Tls = "tls", Connection, Transient,
        "the TLS handshake failed",
        "check that the endpoint supports TLS 1.2 or 1.3";
    /// `AccessDenied`. AWS does not distinguish a missing role from a trust policy that denies the caller.
    AccessDenied = "access-denied", Response, Permanent,
        "the role does not trust this pod's service account, or there is no such role",
        "check the role's ARN, and that its trust policy allows sts:AssumeRoleWithWebIdentity to the cluster's OIDC provider for this namespace and service account (the conditions on :sub and :aud)";
    /// `InvalidIdentityToken`: the account has no OIDC provider for the cluster.
    NoIdentityProvider = "no-identity-provider", Response, Permanent,
        "the account has no IAM OIDC provider for this cluster",
        "create an IAM OIDC provider for the cluster's issuer in the role's account";
    /// `InvalidIdentityToken`: the provider does not list the token's audience.
    WrongAudience = "wrong-audience", Response, Permanent,
        "the IAM OIDC provider does not list the token's audience",
        "add sts.amazonaws.com to the provider's audiences, or annotate the service account with an audience that the provider lists";
    /// `InvalidIdentityToken` for any other reason.
    TokenRejected = "token-rejected", Response, Permanent,
        "the projected token could not be validated",
        "check that the IAM OIDC provider is the one of this cluster's issuer, and that AWS can fetch its keys";
    /// `InvalidIdentityToken` about the certificate of the issuer.
    ThumbprintMismatch = "thumbprint-mismatch", Response, Permanent,
        "the IAM OIDC provider's thumbprint is not that of the issuer's certificate",
        "set the thumbprint of the issuer's top CA with aws iam update-open-id-connect-provider-thumbprint";
    /// `ExpiredTokenException`.
    TokenExpired = "token-expired", Response, Transient,
        "the projected token has expired",
        "check the node's kubelet, which renews the token";
    /// `IDPCommunicationError`.
    ProviderUnreachable = "provider-unreachable", Response, Transient,
        "AWS could not reach the cluster's OIDC issuer",
        "check that the issuer's keys can be fetched from the internet, if this persists";
    /// `IDPRejectedClaim`.
    ClaimRejected = "claim-rejected", Response, Permanent,
        "a claim of the projected token was rejected",
        "check the IAM OIDC provider and the service account";
    /// `ValidationError` about `DurationSeconds`.
    SessionTooLong = "session-too-long", Response, Permanent,
        "the role's maximum session duration is shorter than an hour",
        "set the role's maximum session duration to 3600 seconds or more";
    /// `ValidationError` about any other parameter.
    InvalidRequest = "invalid-request", Response, Permanent,
        "the request is invalid",
        "check the role's ARN and the session name";
    /// `MalformedPolicyDocument`, `PackedPolicyTooLarge`.
    PolicyRejected = "policy-rejected", Response, Permanent,
        "the session policy was rejected",
        "check that the endpoint is AWS STS itself";
    /// `RegionDisabledException`.
    RegionDisabled = "region-disabled", Response, Permanent,
        "AWS STS is not activated in this region for this account",
        "activate AWS STS in this region in the IAM console, or choose another region with the annotation rolebridge.io/aws-region";
    /// `AccessDenied` to `GetWebIdentityToken`.
    WebTokenDenied = "web-token-denied", Response, Permanent,
        "the role may not request a JSON web token",
        "allow sts:GetWebIdentityToken in the role's policies, and in the organization's";
    /// `OutboundWebIdentityFederationDisabledException`.
    FederationDisabled = "federation-disabled", Response, Permanent,
        "outbound web identity federation is not enabled in the role's account",
        "run aws iam enable-outbound-web-identity-federation in that account";
    /// EKS Auth returns no credentials for the pod.
    NoAssociation = "no-association", Response, Permanent,
        "no credentials are available for this pod",
        "associate the pod's service account with a role (aws eks create-pod-identity-association); its trust policy must allow sts:AssumeRole and sts:TagSession to pods.eks.amazonaws.com";
    /// The agent was called through another address than its own.
    AgentAddress = "agent-address", Response, Permanent,
        "the EKS Pod Identity agent was called through another address",
        "check what redirects the pod's requests to 169.254.170.23 or [fd00:ec2::23], such as a service mesh, and exclude these addresses";
    /// Too many requests.
    Throttled = "throttled", Response, Transient,
        "rate limited",
        "none needed: the request is retried";
    /// An internal error of the service.
    ServerError = "server-error", Response, Transient,
        "internal server error",
        "none needed: the request is retried";
    /// Any other error response.
    Rejected = "rejected", Response, Permanent,
        "the request was rejected",
        "see the error that the service returned";
    /// A response that the service does not send.
    UnexpectedResponse = "unexpected-response", Response, Transient,
        "unexpected response",
        "check the endpoint and whether a proxy answers in its place";
    /// `unauthorized_client` about the attribute condition.
    ConditionRejected = "condition-rejected", Response, Permanent,
        "the provider's attribute condition rejects this pod's identity",
        "compare the provider's attribute condition with the pod's role, account and session name";
    /// `unauthorized_client` about the mapping of `google.subject`.
    SubjectMissing = "subject-missing", Response, Permanent,
        "the provider's attribute mapping gives no google.subject for this token",
        "map google.subject to something that each token has: assertion.arn with AWS, assertion.sub with a JSON web token";
    /// `invalid_request` about the length of a mapped attribute.
    SubjectTooLong = "subject-too-long", Response, Permanent,
        "an attribute that the provider maps is too long",
        "shorten the role's name, shorten the session's name with the annotation rolebridge.io/session-name, or map google.subject to something shorter";
    /// `invalid_target`, and `invalid_request` about the audience.
    NoProvider = "no-provider", Response, Permanent,
        "the provider does not exist or is disabled",
        "check the annotation rolebridge.io/provider, and that pool and provider exist and are enabled";
    /// `invalid_grant` about the issuer of a JSON web token.
    IssuerMismatch = "issuer-mismatch", Response, Permanent,
        "the provider trusts another issuer",
        "use the provider of this cluster's or account's issuer, or create one with the issuer that the message names";
    /// `invalid_grant` about the audience of a JSON web token.
    AudienceRejected = "audience-rejected", Response, Permanent,
        "the provider does not accept the token's audience",
        "add the provider's own resource name as a URL to its allowed audiences, or remove the list";
    /// `invalid_grant` about the times of a JSON web token.
    SubjectStale = "subject-stale", Response, Transient,
        "the subject token has expired, or is not valid yet",
        "check the clocks of the node and of the issuer, if this persists";
    /// `invalid_grant` about the signature of a JSON web token.
    SignatureRejected = "signature-rejected", Response, Permanent,
        "no key that Google has of the issuer made the token's signature",
        "if the issuer's keys were uploaded to the provider, upload the present ones with gcloud iam workload-identity-pools providers update-oidc --jwk-json-path";
    /// `invalid_grant` about the form of a signed request.
    SubjectMalformed = "subject-malformed", Response, Permanent,
        "Google could not read the signed request",
        "check for a proxy that changes requests, and that the provider is of type AWS";
    /// Any other `invalid_grant`.
    SubjectRejected = "subject-rejected", Response, Permanent,
        "the subject token was rejected",
        "check that the provider is of the right kind and trusts the AWS account or the issuer";
    /// `invalid_grant`, if AWS returned a transient error to Google.
    SubjectUnverified = "subject-unverified", Response, Transient,
        "the subject token could not be verified",
        "none needed: the request is retried; if this persists, see the error that the service returned";
    /// `SERVICE_DISABLED`.
    ApiDisabled = "api-disabled", Response, Permanent,
        "the API is not enabled in the project",
        "enable the API in the project that the message names";
    /// `PERMISSION_DENIED` by the service account's policy.
    ImpersonationDenied = "impersonation-denied", Response, Permanent,
        "the pod's principal may not impersonate this service account, or there is no such account",
        "grant roles/iam.workloadIdentityUser on the service account to the principal; in a chain of delegates, roles/iam.serviceAccountTokenCreator on each to the previous one";
    /// `PERMISSION_DENIED` to `signBlob`.
    SignBlobDenied = "sign-blob-denied", Response, Permanent,
        "the service account may not sign as itself",
        "grant roles/iam.serviceAccountTokenCreator on the service account to itself";
    /// `INVALID_ARGUMENT` about the lifetime.
    LifetimeRejected = "lifetime-rejected", Response, Permanent,
        "the token lifetime is too long",
        "shorten the annotation rolebridge.io/token-lifetime, or list the service account in the organization policy iam.allowServiceAccountCredentialLifetimeExtension";
    /// `UNAUTHENTICATED`: the federated token is not accepted.
    FederatedRejected = "federated-rejected", Response, Transient,
        "the federated token was rejected",
        "none needed: a new federated token is requested";
    /// The token could not be signed.
    SigningFailed = "signing-failed", Publication, Permanent,
        "failed to sign the token",
        "check the region and the audience";
    /// The file could not be written.
    WriteFailed = "write-failed", Publication, Transient,
        "failed to write a file",
        "check that the volume is mounted, writable and not full";
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Maximum number of characters of an error's detail, which may quote a service.
const MAX_DETAIL_CHARS: usize = 400;

/// A kind of error and its detail, which quotes the service or the operating system. Contains no secret.
///
/// Displays as `<service>: <message> (<detail>). Fix: <remediation>.`, for texts that people read. Logs and JSON have
/// [`Error::message`] and [`Error::remediation`] in separate fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    service: Service,
    kind: ErrorKind,
    detail: String,
    /// The time that the service asks to wait, from the header `Retry-After`.
    retry_after: Option<Duration>,
}

impl Error {
    /// Creates an error of AWS STS, or of the connection to it; [`Error::from_service`] sets another service.
    ///
    /// `detail` names the place and the cause. Only one line of it is kept.
    #[must_use]
    pub fn new(kind: ErrorKind, detail: impl AsRef<str>) -> Self {
        let replace_control = |c: char| if c.is_control() { ' ' } else { c };
        let detail = detail.as_ref().trim().chars().map(replace_control).take(MAX_DETAIL_CHARS).collect();
        Self { service: Service::AwsSts, kind, detail, retry_after: None }
    }

    /// Returns the same error of `service`.
    #[must_use]
    pub fn from_service(self, service: Service) -> Self {
        Self { service, ..self }
    }

    /// Returns the same error with the time that the service asks to wait.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// Returns the time that the service asks to wait before the next attempt, if it does.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns true if an operator must fix the cause.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.kind.is_permanent()
    }

    /// Returns `<service>: <message> (<detail>)`, without the remediation and without a full stop.
    #[must_use]
    pub fn message(&self) -> String {
        let Self { service, kind, detail, .. } = self;
        let prefix = match kind.stage() {
            Stage::ProjectedToken => "projected token".to_owned(),
            Stage::Connection => format!("connection to {service}"),
            Stage::Response => service.to_string(),
            Stage::Publication => "publication".to_owned(),
        };
        format!("{prefix}: {} ({detail})", kind.message())
    }

    /// Returns the fix: an imperative without a full stop.
    #[must_use]
    pub fn remediation(&self) -> &'static str {
        self.kind.remediation()
    }

    /// Returns the service that was called, if one was.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        matches!(self.kind.stage(), Stage::Connection | Stage::Response).then_some(self.service)
    }

    /// Logs the error and the wait before the next attempt. `token` is the class of the Google token that failed.
    pub fn log(&self, token: Option<&str>, retry_in: Duration) {
        let (reason, service) = (self.kind.code(), self.service().map(Service::name));
        let (message, remediation) = (self.message(), self.remediation());
        let retry_in_seconds = retry_in.as_secs_f32();
        if self.is_permanent() {
            tracing::error!(token, reason, service, remediation, retry_in_seconds, "{message}");
        } else {
            tracing::warn!(token, reason, service, remediation, retry_in_seconds, "{message}");
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_fix(f, &self.message(), Some(self.remediation()))
    }
}

impl std::error::Error for Error {}

/// A reason why a command or a probe fails: a message and, where it is known, the fix.
///
/// Displays as `<message>. Fix: <remediation>.`, or as the message alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The cause, without a full stop.
    pub message: String,
    /// The fix: an imperative without a full stop.
    pub remediation: Option<String>,
}

impl Failure {
    /// Creates a failure without a known fix.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), remediation: None }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self { message: error.message(), remediation: Some(error.remediation().to_owned()) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_fix(f, &self.message, self.remediation.as_deref())
    }
}

fn write_with_fix(f: &mut fmt::Formatter<'_>, message: &str, remediation: Option<&str>) -> fmt::Result {
    f.write_str(message)?;
    remediation.map_or(Ok(()), |remediation| write!(f, ". Fix: {remediation}."))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn error_kinds_have_unique_codes_and_their_index_in_all() {
        let codes: HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
        for (index, kind) in ErrorKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, index);
        }
    }

    #[test]
    fn error_with_a_long_multiline_detail_displays_on_one_short_line() {
        let error = Error::new(ErrorKind::AccessDenied, "role arn:aws:iam::1:role/r: Not\nauthorized");
        assert_eq!(
            error.to_string(),
            "AWS STS: the role does not trust this pod's service account, or there is no such role \
             (role arn:aws:iam::1:role/r: Not authorized). Fix: check the role's ARN, and that its trust policy \
             allows sts:AssumeRoleWithWebIdentity to the cluster's OIDC provider for this namespace and service \
             account (the conditions on :sub and :aud)."
        );
        assert!(Error::new(ErrorKind::Connect, "x".repeat(10_000)).to_string().len() < 700);
    }

    #[test]
    fn error_message_has_no_fix() {
        let error = Error::new(ErrorKind::Throttled, "sts returned 429");
        assert_eq!(error.message(), "AWS STS: rate limited (sts returned 429)");
        assert_eq!(error.remediation(), "none needed: the request is retried");
    }

    #[test]
    fn error_message_begins_with_the_service() {
        let dns = Error::new(ErrorKind::Dns, "").from_service(Service::GoogleSts).to_string();
        assert!(dns.starts_with("connection to Google STS: the host name cannot be resolved"), "{dns}");
        let denied =
            Error::new(ErrorKind::ImpersonationDenied, "").from_service(Service::IamCredentials).to_string();
        assert!(
            denied.starts_with("IAM Credentials: the pod's principal may not impersonate this"),
            "{denied}"
        );
    }

    #[test]
    fn failure_without_a_remediation_displays_the_message_alone() {
        assert_eq!(Failure::new("no token yet").to_string(), "no token yet");
    }
}
