//! Environment variables that the webhook sets and the sidecar or the app reads.

/// Variables of the sidecar. AWS's names where AWS has one.
pub mod sidecar {
    /// The identity that the pod proves: `aws-role`, `aws-jwt` or `kubernetes`. Absent: `aws-role`.
    pub const IDENTITY: &str = "ROLEBRIDGE_IDENTITY";
    /// The projected token file for the identity `kubernetes`, with the provider's audience.
    pub const IDENTITY_TOKEN_FILE: &str = "ROLEBRIDGE_IDENTITY_TOKEN_FILE";
    /// The source of AWS credentials: `irsa` or `pod-identity`. Absent: `irsa`. Variables of the other source, which
    /// EKS's webhook may add to the sidecar, are ignored.
    pub const AWS_CREDENTIALS: &str = "ROLEBRIDGE_AWS_CREDENTIALS";
    /// The URI of the EKS Pod Identity agent, as EKS sets it. Only for `pod-identity`. The role, the session name and the
    /// projected token are only for `irsa`.
    pub const AWS_CONTAINER_CREDENTIALS_FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    /// The file with the authorization token for the agent, as EKS sets it.
    pub const AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
    /// The IAM role to assume.
    pub const AWS_ROLE_ARN: &str = "AWS_ROLE_ARN";
    /// The role session name.
    pub const AWS_ROLE_SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";
    /// The projected token file.
    pub const AWS_WEB_IDENTITY_TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
    /// The region of AWS STS. Subject tokens are signed for the region's public host.
    pub const AWS_REGION: &str = "AWS_REGION";
    /// A custom endpoint for calls to AWS STS.
    pub const AWS_ENDPOINT_URL_STS: &str = "AWS_ENDPOINT_URL_STS";
    /// Additional TLS roots, a PEM file.
    pub const AWS_CA_BUNDLE: &str = "AWS_CA_BUNDLE";
    /// Additional TLS roots, a PEM file. OpenSSL's name.
    pub const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
    /// The proxy for `https:` requests, `http://HOST:PORT`. The lower-case name works too.
    pub const HTTPS_PROXY: &str = "HTTPS_PROXY";
    /// The hosts that are reached without the proxy. The lower-case name works too.
    pub const NO_PROXY: &str = "NO_PROXY";
    /// The provider's audience, `//iam.googleapis.com/projects/…` in every universe, signed into every subject token.
    pub const AUDIENCE: &str = "ROLEBRIDGE_AUDIENCE";
    /// The domain of Google's universe. Absent: `googleapis.com`.
    pub const UNIVERSE_DOMAIN: &str = "ROLEBRIDGE_UNIVERSE_DOMAIN";
    /// The token file. A status file is next to it.
    pub const TOKEN_FILE: &str = "ROLEBRIDGE_TOKEN_FILE";
    /// The file to which the sidecar writes the `external_account` document for the source `loopback`. Those of further
    /// service accounts are next to it. Absent: none.
    pub const LOOPBACK_CONFIG: &str = "ROLEBRIDGE_LOOPBACK_CONFIG";
    /// The file to which the sidecar writes the `external_account` document for the source `file`. Those of further service
    /// accounts are next to it. Absent: none.
    pub const FILE_CONFIG: &str = "ROLEBRIDGE_FILE_CONFIG";
    /// The port of the server on 127.0.0.1. With `metadata`, each further service account has the next port. Absent: no
    /// server.
    pub const LOOPBACK_PORT: &str = "ROLEBRIDGE_LOOPBACK_PORT";
    /// The sources that the server serves, separated by commas: `loopback`, `metadata` and `metadata-host`, which also opens port
    /// 80. Absent: `loopback`.
    pub const SERVE: &str = "ROLEBRIDGE_SERVE";
    /// Additional token files to refresh, in the form of the annotation `rolebridge.io/outputs`.
    pub const OUTPUTS: &str = "ROLEBRIDGE_OUTPUTS";
    /// The Google service accounts to impersonate, in the form of the annotation `rolebridge.io/service-account`. Absent:
    /// direct access as the federated principal.
    pub const SERVICE_ACCOUNT: &str = "ROLEBRIDGE_SERVICE_ACCOUNT";
    /// The chain of Google service accounts before the impersonated one, separated by commas.
    pub const DELEGATES: &str = "ROLEBRIDGE_DELEGATES";
    /// The lifetime of the impersonated token in seconds. Absent: 3600, and in the documents 3240 to 3600, by the pod's name.
    pub const TOKEN_LIFETIME: &str = "ROLEBRIDGE_TOKEN_LIFETIME";
    /// The project ID that the metadata server returns. Absent: none.
    pub const PROJECT: &str = "ROLEBRIDGE_PROJECT";
    /// The project that is billed for the sidecar's calls to the IAM Credentials API.
    pub const QUOTA_PROJECT: &str = "ROLEBRIDGE_QUOTA_PROJECT";
    /// A custom endpoint of Google STS, without a path. Of up to 8, separated by commas, the sidecar uses one, by the
    /// pod's name.
    pub const STS_ENDPOINT: &str = "ROLEBRIDGE_STS_ENDPOINT";
    /// A custom endpoint of the IAM Credentials API, without a path.
    pub const IAM_CREDENTIALS_ENDPOINT: &str = "ROLEBRIDGE_IAM_CREDENTIALS_ENDPOINT";
    /// The port of the metrics server on all addresses. Absent: no server.
    pub const METRICS_PORT: &str = "ROLEBRIDGE_METRICS_PORT";
    /// Seconds after which a sidecar without a first token exits with the reason. Absent: never.
    pub const STARTUP_TIMEOUT: &str = "ROLEBRIDGE_STARTUP_TIMEOUT";
    /// The log level: `error`, `warn`, `info`, `debug` or `trace`.
    pub const LOG_LEVEL: &str = "ROLEBRIDGE_LOG_LEVEL";
    /// The pod's name. Set by the container runtime, not by the webhook.
    pub const HOSTNAME: &str = "HOSTNAME";

    /// All variables that the sidecar reads. In the sidecar's container, the webhook sets or removes each of them.
    pub const ALL: &[&str] = &[
        IDENTITY,
        IDENTITY_TOKEN_FILE,
        AWS_CREDENTIALS,
        AWS_CONTAINER_CREDENTIALS_FULL_URI,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
        AWS_ROLE_ARN,
        AWS_ROLE_SESSION_NAME,
        AWS_WEB_IDENTITY_TOKEN_FILE,
        AWS_REGION,
        AWS_ENDPOINT_URL_STS,
        AWS_CA_BUNDLE,
        SSL_CERT_FILE,
        HTTPS_PROXY,
        "https_proxy",
        NO_PROXY,
        "no_proxy",
        AUDIENCE,
        UNIVERSE_DOMAIN,
        TOKEN_FILE,
        LOOPBACK_CONFIG,
        FILE_CONFIG,
        LOOPBACK_PORT,
        SERVE,
        OUTPUTS,
        SERVICE_ACCOUNT,
        DELEGATES,
        TOKEN_LIFETIME,
        PROJECT,
        QUOTA_PROJECT,
        STS_ENDPOINT,
        IAM_CREDENTIALS_ENDPOINT,
        METRICS_PORT,
        STARTUP_TIMEOUT,
        LOG_LEVEL,
        HOSTNAME,
    ];
}

/// Variables of the app's containers.
pub mod app {
    /// The path of the configuration for Google's libraries.
    pub const CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";
    /// The path of the configuration for gcloud, which ignores `GOOGLE_APPLICATION_CREDENTIALS`.
    pub const CLOUDSDK_CREDENTIALS: &str = "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE";
    /// The project ID for Google's libraries.
    pub const PROJECT: &str = "GOOGLE_CLOUD_PROJECT";
    /// The project ID for gcloud.
    pub const CLOUDSDK_PROJECT: &str = "CLOUDSDK_CORE_PROJECT";
    /// The project that is billed, for Google's libraries if no configuration sets it.
    pub const QUOTA_PROJECT: &str = "GOOGLE_CLOUD_QUOTA_PROJECT";
    /// The project that is billed, for gcloud if no configuration sets it.
    pub const CLOUDSDK_QUOTA_PROJECT: &str = "CLOUDSDK_BILLING_QUOTA_PROJECT";
    /// The account of gcloud, which finds none by itself if the metadata server states no email.
    pub const CLOUDSDK_ACCOUNT: &str = "CLOUDSDK_CORE_ACCOUNT";
    /// `HOST:PORT` of the metadata server.
    pub const METADATA_HOST: &str = "GCE_METADATA_HOST";
    /// `HOST:PORT` of the metadata server. Python and Node check here whether a metadata server exists.
    pub const METADATA_IP: &str = "GCE_METADATA_IP";
    /// `HOST:PORT` of the metadata server, for gcloud and C++.
    pub const METADATA_ROOT: &str = "GCE_METADATA_ROOT";
}
