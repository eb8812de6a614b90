//! Every environment variable that the webhook writes and the sidecar or the app reads.

/// The sidecar's own. AWS's names where AWS has one.
pub mod sidecar {
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
    /// The provider's audience, `//iam.googleapis.com/projects/…`: signed into every subject token.
    pub const AUDIENCE: &str = "ROLEBRIDGE_AUDIENCE";
    /// The token's file; a state file lies beside it.
    pub const TOKEN_FILE: &str = "ROLEBRIDGE_TOKEN_FILE";
    /// The port of the loopback server on 127.0.0.1. Absent: no listener.
    pub const LOOPBACK_PORT: &str = "ROLEBRIDGE_LOOPBACK_PORT";
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
    /// Where gcloud looks; it ignores [`CREDENTIALS`].
    pub const CLOUDSDK_CREDENTIALS: &str = "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE";
    /// The project of Google's libraries.
    pub const PROJECT: &str = "GOOGLE_CLOUD_PROJECT";
    /// The project of gcloud.
    pub const CLOUDSDK_PROJECT: &str = "CLOUDSDK_CORE_PROJECT";
}
