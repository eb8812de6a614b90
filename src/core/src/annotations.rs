//! Every annotation and label: its key, what it means and what it is when nobody says it.
//!
//! Documentation, `explain` and the refusal of a misspelt key are made from [`ALL`], so that they cannot drift.

/// What every key of ours begins with.
pub const PREFIX: &str = "rolebridge.io/";

macro_rules! annotations {
    ($($(#[doc = $doc:literal])+ $name:ident = $suffix:literal, default $default:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = concat!("rolebridge.io/", $suffix);)+
        /// Every annotation that a user may write, in the order of the documentation.
        pub const ALL: &[Annotation] = &[
            $(Annotation { key: $name, meaning: concat!($($doc),+), default: $default },)+
        ];
    };
}

/// An annotation as the documentation shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotation {
    /// The whole key.
    pub key: &'static str,
    /// What it means, in Markdown; it may begin with a space.
    pub meaning: &'static str,
    /// What holds where nobody says it, in Markdown.
    pub default: &'static str,
}

annotations! {
    /// `"true"` opts the pod in, `"false"` out. As a label on a namespace: `enabled`.
    INJECT = "inject", default "not injected";
    /// The workload identity pool provider:
    /// `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    PROVIDER = "provider", default "required somewhere";
    /// The Google service account to impersonate.
    SERVICE_ACCOUNT = "service-account", default "none: direct access as the federated principal";
    /// The chain of Google service accounts before `service-account`, separated by commas; with the source `metadata`
    /// alone.
    DELEGATES = "delegates", default "none";
    /// What the pod proves: `aws-role`, `aws-jwt` or `kubernetes`.
    IDENTITY = "identity", default "`aws-role`";
    /// How the app's library gets a token: `loopback`, `file` or `metadata`, for all containers, or
    /// `loopback,legacy=file` to set some apart.
    SOURCE = "source",
        default "`loopback` for `aws-role`, but `metadata` with `pod-identity`; `file` for the others";
    /// The IAM role.
    ROLE_ARN = "role-arn", default "the service account's `eks.amazonaws.com/role-arn`";
    /// Seconds of the projected AWS token, 600 to 86400.
    AWS_TOKEN_LIFETIME = "aws-token-lifetime",
        default "the service account's `eks.amazonaws.com/token-expiration`, else 86400";
    /// Where AWS credentials come from: `irsa` or `pod-identity`.
    AWS_CREDENTIALS = "aws-credentials",
        default "`irsa`; `pod-identity` if the pod carries its variables and nobody names a role";
    /// The region of AWS STS.
    AWS_REGION = "aws-region", default "the pod's `AWS_REGION`, then the chart's, then the partition's";
    /// The role session name.
    SESSION_NAME = "session-name", default "`NAMESPACE.SERVICEACCOUNT`, shortened with a hash to fit";
    /// Sets `GOOGLE_CLOUD_PROJECT` and `CLOUDSDK_CORE_PROJECT`.
    PROJECT = "project", default "unset";
    /// The project that pays and whose quota is used: `quota_project_id`.
    QUOTA_PROJECT = "quota-project", default "unset";
    /// Seconds of the impersonated token, 600 to 43200.
    TOKEN_LIFETIME = "token-lifetime", default "3600";
    /// The containers that get credentials, separated by commas.
    CONTAINERS = "containers", default "all, init containers too, but a service mesh's";
    /// The containers that get none, separated by commas.
    SKIP_CONTAINERS = "skip-containers", default "none";
    /// Further files that the sidecar keeps fresh: `access-token`, `id-token=AUDIENCE`.
    OUTPUTS = "outputs", default "none";
    /// The port of the loopback server.
    PORT = "port", default "15080";
    /// The port of the sidecar's metrics.
    METRICS_PORT = "metrics-port", default "none: not served";
    /// Another endpoint for the sidecar's calls to AWS STS, such as PrivateLink's.
    AWS_STS_ENDPOINT = "aws-sts-endpoint", default "the regional endpoint";
    /// Another endpoint of Google STS, such as Private Service Connect's.
    STS_ENDPOINT = "sts-endpoint", default "`https://sts.UNIVERSE`";
    /// Another endpoint of the IAM Credentials API.
    IAM_CREDENTIALS_ENDPOINT = "iam-credentials-endpoint", default "`https://iamcredentials.UNIVERSE`";
    /// Google's universe.
    UNIVERSE_DOMAIN = "universe-domain", default "`googleapis.com`";
    /// `CONFIGMAP/KEY` in the pod's namespace: further TLS roots for the sidecar, in PEM.
    CA_BUNDLE = "ca-bundle", default "none";
    /// The sidecar's proxy, `http://HOST:PORT`. No place for a password: whoever reads the pod reads it.
    HTTPS_PROXY = "https-proxy", default "what the app's containers say and agree on, else the chart's";
    /// What the sidecar reaches without its proxy.
    NO_PROXY = "no-proxy", default "what the app's containers say and agree on, else the chart's";
    /// Seconds after which a sidecar without a first token exits with the reason as its termination message.
    STARTUP_TIMEOUT = "startup-timeout", default "never";
    /// The sidecar's CPU request.
    CPU_REQUEST = "cpu-request", default "the chart's";
    /// The sidecar's CPU limit.
    CPU_LIMIT = "cpu-limit", default "the chart's";
    /// The sidecar's memory request.
    MEMORY_REQUEST = "memory-request", default "the chart's";
    /// The sidecar's memory limit, 16Mi or more.
    MEMORY_LIMIT = "memory-limit", default "the chart's";
    /// How much the sidecar logs: `error`, `warn`, `info`, `debug` or `trace`.
    LOG_LEVEL = "log-level", default "the chart's";
}

/// The value of [`INJECT`] as a namespace's label.
pub const NAMESPACE_OPT_IN: &str = "enabled";

/// Written by the webhook: what was decided, one line of JSON. What came in is overwritten.
pub const STATUS: &str = "rolebridge.io/status";

/// Written by the webhook, one for each source in use: the `external_account` document, mounted by downwardAPI.
pub const CONFIG_LOOPBACK: &str = "rolebridge.io/config-loopback";
/// See [`CONFIG_LOOPBACK`].
pub const CONFIG_FILE: &str = "rolebridge.io/config-file";

/// EKS's annotations of a service account, which this project reads.
pub mod eks {
    /// What the keys begin with.
    pub const PREFIX: &str = "eks.amazonaws.com/";
    /// The IAM role.
    pub const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";
    /// The audience of the projected token; `sts.amazonaws.com` if absent.
    pub const AUDIENCE: &str = "eks.amazonaws.com/audience";
    /// Seconds of the projected token's life.
    pub const TOKEN_EXPIRATION: &str = "eks.amazonaws.com/token-expiration";
}
