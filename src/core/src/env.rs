//! Every environment variable that the webhook writes and the sidecar or the app reads.

/// The sidecar's own. AWS's names where AWS has one.
pub mod sidecar {
    /// What the pod proves: `aws-role`, `aws-jwt` or `kubernetes`. Absent: `aws-role`.
    pub const IDENTITY: &str = "ROLEBRIDGE_IDENTITY";
    /// The projected token's file of the identity `kubernetes`; its audience is the provider's.
    pub const IDENTITY_TOKEN_FILE: &str = "ROLEBRIDGE_IDENTITY_TOKEN_FILE";
    /// Where AWS credentials come from: `irsa` or `pod-identity`. Absent: `irsa`. It decides alone: EKS's webhook may
    /// add the variables of the other one to the sidecar.
    pub const AWS_CREDENTIALS: &str = "ROLEBRIDGE_AWS_CREDENTIALS";
    /// Where EKS Pod Identity's agent gives AWS credentials, as EKS writes it. For `pod-identity`; the role, the session
    /// name and the projected token are for `irsa`.
    pub const AWS_CONTAINER_CREDENTIALS_FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    /// The file whose content the agent takes for authorization, as EKS writes it.
    pub const AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
    /// The IAM role to assume.
    pub const AWS_ROLE_ARN: &str = "AWS_ROLE_ARN";
    /// The role session name.
    pub const AWS_ROLE_SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";
    /// The projected token's file.
    pub const AWS_WEB_IDENTITY_TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
    /// The region whose AWS STS is asked and whose public host is signed for.
    pub const AWS_REGION: &str = "AWS_REGION";
    /// Another endpoint for the call to AWS STS.
    pub const AWS_ENDPOINT_URL_STS: &str = "AWS_ENDPOINT_URL_STS";
    /// Further TLS roots, a PEM file.
    pub const AWS_CA_BUNDLE: &str = "AWS_CA_BUNDLE";
    /// Further TLS roots, a PEM file, by OpenSSL's name.
    pub const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
    /// The proxy for `https:` requests, `http://HOST:PORT`. The lower-case name is read too.
    pub const HTTPS_PROXY: &str = "HTTPS_PROXY";
    /// Hosts that are reached without the proxy. The lower-case name is read too.
    pub const NO_PROXY: &str = "NO_PROXY";
    /// The provider's audience, `//iam.UNIVERSE/projects/…`: signed into every subject token. It names the universe too.
    pub const AUDIENCE: &str = "ROLEBRIDGE_AUDIENCE";
    /// The token's file; a state file lies beside it.
    pub const TOKEN_FILE: &str = "ROLEBRIDGE_TOKEN_FILE";
    /// The port of the server on 127.0.0.1. Absent: no listener.
    pub const LOOPBACK_PORT: &str = "ROLEBRIDGE_LOOPBACK_PORT";
    /// What that server answers as, separated by commas: the sources `loopback` and `metadata`. Absent: `loopback`.
    pub const SERVE: &str = "ROLEBRIDGE_SERVE";
    /// Further files to keep fresh, as the annotation `rolebridge.io/outputs` has them.
    pub const OUTPUTS: &str = "ROLEBRIDGE_OUTPUTS";
    /// The Google service account to impersonate. Absent: direct access as the federated principal.
    pub const SERVICE_ACCOUNT: &str = "ROLEBRIDGE_SERVICE_ACCOUNT";
    /// The chain of Google service accounts before that one, separated by commas.
    pub const DELEGATES: &str = "ROLEBRIDGE_DELEGATES";
    /// Seconds of the impersonated token. Absent: 3600.
    pub const TOKEN_LIFETIME: &str = "ROLEBRIDGE_TOKEN_LIFETIME";
    /// What the metadata server calls the project. Absent: it names none.
    pub const PROJECT: &str = "ROLEBRIDGE_PROJECT";
    /// The project that pays for the sidecar's calls to the IAM Credentials API.
    pub const QUOTA_PROJECT: &str = "ROLEBRIDGE_QUOTA_PROJECT";
    /// Another endpoint of Google STS, without a path.
    pub const STS_ENDPOINT: &str = "ROLEBRIDGE_STS_ENDPOINT";
    /// Another endpoint of the IAM Credentials API, without a path.
    pub const IAM_CREDENTIALS_ENDPOINT: &str = "ROLEBRIDGE_IAM_CREDENTIALS_ENDPOINT";
    /// The port of the metrics on all addresses. Absent: no listener.
    pub const METRICS_PORT: &str = "ROLEBRIDGE_METRICS_PORT";
    /// Seconds after which a sidecar without a first token exits with the reason. Absent: never.
    pub const STARTUP_TIMEOUT: &str = "ROLEBRIDGE_STARTUP_TIMEOUT";
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub const LOG_LEVEL: &str = "ROLEBRIDGE_LOG_LEVEL";
}

/// The app's containers'.
pub mod app {
    /// Where Google's libraries look for their configuration.
    pub const CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";
    /// Where gcloud looks; it ignores `GOOGLE_APPLICATION_CREDENTIALS`.
    pub const CLOUDSDK_CREDENTIALS: &str = "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE";
    /// The project of Google's libraries.
    pub const PROJECT: &str = "GOOGLE_CLOUD_PROJECT";
    /// The project of gcloud.
    pub const CLOUDSDK_PROJECT: &str = "CLOUDSDK_CORE_PROJECT";
    /// The project that pays, of Google's libraries where no configuration names it.
    pub const QUOTA_PROJECT: &str = "GOOGLE_CLOUD_QUOTA_PROJECT";
    /// The project that pays, of gcloud where no configuration names it.
    pub const CLOUDSDK_QUOTA_PROJECT: &str = "CLOUDSDK_BILLING_QUOTA_PROJECT";
    /// `HOST:PORT` of the metadata server.
    pub const METADATA_HOST: &str = "GCE_METADATA_HOST";
    /// The same, where Python and Node look whether there is one.
    pub const METADATA_IP: &str = "GCE_METADATA_IP";
    /// The same, for gcloud and C++.
    pub const METADATA_ROOT: &str = "GCE_METADATA_ROOT";
}
