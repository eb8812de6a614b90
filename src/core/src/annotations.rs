//! All annotations and labels: key, meaning and default.
//!
//! The documentation, `explain` and the check for misspelled keys use [`ALL`], so they cannot diverge.

/// The prefix of all Rolebridge keys.
pub const PREFIX: &str = "rolebridge.io/";

macro_rules! annotations {
    ($($(#[doc = $doc:literal])+ $name:ident = $suffix:literal, default $default:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = concat!("rolebridge.io/", $suffix);)+
        /// All annotations that a user may set, in the order of the documentation.
        pub const ALL: &[Annotation] = &[
            $(Annotation { key: $name, meaning: concat!($($doc),+), default: $default },)+
        ];
    };
}

/// The documentation of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotation {
    /// The key with its prefix.
    pub key: &'static str,
    /// The meaning, in Markdown. May begin with a space.
    pub meaning: &'static str,
    /// The default, in Markdown.
    pub default: &'static str,
}

annotations! {
    /// `"true"` opts the pod in, `"false"` opts it out. The namespace label of the same name has the value `enabled`.
    INJECT = "inject", default "not injected";
    /// The workload identity pool provider:
    /// `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    PROVIDER = "provider", default "none: required";
    /// The Google service account to impersonate. Set exceptions by container: `EMAIL,worker=EMAIL`.
    SERVICE_ACCOUNT = "service-account", default "none: direct access as the federated principal";
    /// The chain of Google service accounts before `service-account`, separated by commas. Requires the source
    /// `metadata`.
    DELEGATES = "delegates", default "none";
    /// The identity that the pod proves: `aws-role`, `aws-jwt` or `kubernetes`.
    IDENTITY = "identity", default "`aws-role`";
    /// The token source of the app's library: `loopback`, `file`, `metadata` or `metadata-host`. Set exceptions by container:
    /// `loopback,legacy=file`. `metadata-host` is for the whole pod.
    SOURCE = "source",
        default "`loopback` for `aws-role`, but `metadata` with `pod-identity`; `file` for the other identities";
    /// The IAM role.
    ROLE_ARN = "role-arn", default "the service account's `eks.amazonaws.com/role-arn`";
    /// The lifetime of the projected AWS token in seconds, 600 to 86400.
    AWS_TOKEN_LIFETIME = "aws-token-lifetime",
        default "the service account's `eks.amazonaws.com/token-expiration`, else 86400";
    /// The source of AWS credentials: `irsa` or `pod-identity`.
    AWS_CREDENTIALS = "aws-credentials",
        default "`irsa`; `pod-identity` if the pod has its variables and no role is set";
    /// The region of AWS STS.
    AWS_REGION = "aws-region", default "the pod's `AWS_REGION`, then the chart's, then the partition's";
    /// The role session name.
    SESSION_NAME = "session-name", default "`NAMESPACE.SERVICEACCOUNT`, shortened with a hash to fit";
    /// The value of `GOOGLE_CLOUD_PROJECT` and `CLOUDSDK_CORE_PROJECT`. The app's own variables and arguments may refer to
    /// them: `$(GOOGLE_CLOUD_PROJECT)`.
    PROJECT = "project", default "unset";
    /// The project that is billed and provides the quota: `quota_project_id`.
    QUOTA_PROJECT = "quota-project", default "unset";
    /// The lifetime of the impersonated token in seconds, 600 to 43200.
    TOKEN_LIFETIME = "token-lifetime", default "3600; the configuration for `loopback` and `file` has 3240 to 3600, by the pod's name";
    /// The containers that get credentials, separated by commas.
    CONTAINERS = "containers", default "all, including init containers, except a service mesh's";
    /// The containers that get no credentials, separated by commas.
    SKIP_CONTAINERS = "skip-containers", default "none";
    /// The init containers after which the sidecar starts, separated by commas, because the pod has no network before them.
    /// They may be injected later, and get no credentials. The chart's names are added.
    START_AFTER = "start-after", default "a known service mesh's proxy";
    /// Additional token files that the sidecar refreshes: `access-token`, `id-token=AUDIENCE`. For the service account of a
    /// container: `worker.access-token`, `worker.id-token=AUDIENCE`.
    OUTPUTS = "outputs", default "none";
    /// The port of the loopback server. With the source `metadata`, each further service account has the next port.
    PORT = "port", default "15080";
    /// The port of the sidecar's metrics.
    METRICS_PORT = "metrics-port", default "none: not served";
    /// A custom endpoint for the sidecar's calls to AWS STS, for example of PrivateLink.
    AWS_STS_ENDPOINT = "aws-sts-endpoint", default "the regional endpoint";
    /// A custom endpoint of Google STS, for example of Private Service Connect. Of up to 8, separated by commas, each pod
    /// uses one, by its name.
    STS_ENDPOINT = "sts-endpoint", default "`https://sts.UNIVERSE`";
    /// A custom endpoint of the IAM Credentials API.
    IAM_CREDENTIALS_ENDPOINT = "iam-credentials-endpoint", default "`https://iamcredentials.UNIVERSE`";
    /// The domain of Google's universe.
    UNIVERSE_DOMAIN = "universe-domain", default "`googleapis.com`";
    /// `CONFIGMAP/KEY` in the pod's namespace: additional TLS roots for the sidecar, in PEM.
    CA_BUNDLE = "ca-bundle", default "none";
    /// The sidecar's proxy, `http://HOST:PORT`. Do not put a password here: everyone who can read the pod can read it.
    HTTPS_PROXY = "https-proxy", default "the chart's; if `https-proxy` is not locked, the app's containers come first if they agree";
    /// The hosts that the sidecar reaches without its proxy.
    NO_PROXY = "no-proxy", default "the exceptions of the app's containers if they agree, else the chart's";
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
    /// The sidecar's log level: `error`, `warn`, `info`, `debug` or `trace`.
    LOG_LEVEL = "log-level", default "the chart's";
}

/// The value of [`INJECT`] as a namespace label.
pub const NAMESPACE_OPT_IN: &str = "enabled";

/// The webhook's decision, one line of JSON. The webhook overwrites an existing value.
pub const STATUS: &str = "rolebridge.io/status";

/// The `external_account` document for the source `loopback`, of pods that an earlier release injected.
pub const CONFIG_LOOPBACK: &str = "rolebridge.io/config-loopback";
/// The `external_account` documents for the source `file` in a pod without a sidecar, which downwardAPI mounts: one for each
/// Google service account.
pub const CONFIG_FILE: [&str; 4] = [
    "rolebridge.io/config-file",
    "rolebridge.io/config-file-2",
    "rolebridge.io/config-file-3",
    "rolebridge.io/config-file-4",
];

/// Service account annotations of EKS that Rolebridge reads.
pub mod eks {
    /// The prefix of EKS's keys.
    pub const PREFIX: &str = "eks.amazonaws.com/";
    /// The IAM role.
    pub const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";
    /// The audience of the projected token. `sts.amazonaws.com` if absent.
    pub const AUDIENCE: &str = "eks.amazonaws.com/audience";
    /// The lifetime of the projected token in seconds.
    pub const TOKEN_EXPIRATION: &str = "eks.amazonaws.com/token-expiration";
}
