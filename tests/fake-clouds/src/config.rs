//! The typed configuration of the fake clouds. Tests build it in code; the program reads it from a file.
//!
//! Documents of AWS and Google (policies, attribute mappings, members) have the vendors' own format.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The configuration of both clouds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// The address to listen on. The services use this port and the six after it; port 0: any free port for each.
    pub listen: SocketAddr,
    /// Host names and addresses in the certificate in addition to `localhost`, `127.0.0.1` and `::1`.
    pub names: Vec<String>,
    /// True to serve Google's services at their own names, `https://sts.googleapis.com` and so on. Each name must
    /// resolve to a different address of this machine, where its service listens.
    pub google_hosts: bool,
    /// The addresses of these names, for several fakes on one machine with clients that resolve the names differently. Absent:
    /// those to which this process resolves them.
    pub google_addresses: BTreeMap<String, IpAddr>,
    /// True to serve TLS, as the real services do; otherwise plain HTTP. The EKS Pod Identity agent never uses TLS.
    pub tls: bool,
    /// The clusters' issuers of web identity tokens.
    pub issuers: Vec<Issuer>,
    /// The resources at AWS.
    pub aws: Aws,
    /// The resources at Google.
    pub google: Google,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            names: Vec::new(),
            google_hosts: false,
            google_addresses: BTreeMap::new(),
            tls: true,
            issuers: Vec::new(),
            aws: Aws::default(),
            google: Google::default(),
        }
    }
}

/// An OIDC issuer, that of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Issuer {
    /// The claim `iss`, such as `https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF`.
    pub url: String,
    /// The signing keys.
    #[serde(default)]
    pub keys: Keys,
    /// The SHA-1 fingerprint of the top CA's certificate, 40 hexadecimal digits.
    #[serde(default)]
    pub thumbprint: Option<String>,
}

/// The signing keys of an issuer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Keys {
    /// A new ES256 key, with which this process can mint tokens.
    #[default]
    Generated,
    /// A JWKS document, as at the issuer's `jwks_uri`: ES256 and RS256 keys. Tokens are signed elsewhere.
    Jwks(Value),
    /// Public keys in PEM (`PUBLIC KEY`): ES256 and RS256. Tokens are signed elsewhere.
    Pem(Vec<String>),
}

/// The resources at AWS.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Aws {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// EKS Pod Identity in a cluster.
    pub pod_identity: Option<PodIdentity>,
    /// The tolerance for a signature's time, in minutes before and after: AWS has 5 to 15.
    pub signature_minutes: i64,
}

impl Default for Aws {
    fn default() -> Self {
        Self { accounts: Vec::new(), pod_identity: None, signature_minutes: 15 }
    }
}

/// EKS Pod Identity in a cluster: the agent on its nodes, and its associations.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodIdentity {
    /// The cluster's name.
    pub cluster: String,
    /// The cluster's issuer.
    pub issuer: String,
    /// The roles of the service accounts.
    pub associations: Vec<PodIdentityAssociation>,
    /// The addresses at which pods may call the agent: its own two, and loopback, where this fake listens.
    #[serde(default = "default_agent_addresses")]
    pub addresses: Vec<IpAddr>,
    /// Maximum number of requests in a second. Absent: any number.
    #[serde(default)]
    pub requests_per_second: Option<u64>,
}

impl PodIdentity {
    /// Returns the configuration of an agent with the default addresses and no limit.
    #[must_use]
    pub fn new(cluster: String, issuer: String, associations: Vec<PodIdentityAssociation>) -> Self {
        let addresses = default_agent_addresses();
        Self { cluster, issuer, associations, addresses, requests_per_second: None }
    }
}

fn default_agent_addresses() -> Vec<IpAddr> {
    AGENT_ADDRESSES
        .into_iter()
        .chain([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)])
        .collect()
}

/// The addresses of the real agent.
pub(crate) const AGENT_ADDRESSES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// An association of a service account with a role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodIdentityAssociation {
    /// The service account's namespace.
    pub namespace: String,
    /// The service account.
    pub service_account: String,
    /// The role, which must trust `pods.eks.amazonaws.com`.
    pub role_arn: String,
}

/// An AWS account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Account {
    /// The account ID, twelve digits.
    pub id: String,
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    #[serde(default = "default_partition")]
    pub partition: String,
    /// True if AWS STS is activated for the account, in every region.
    #[serde(default = "default_true")]
    pub sts_activated: bool,
    /// The issuer of the account's outbound identity federation, `https://UUID.tokens.sts.global.api.aws`. Absent: the
    /// feature is disabled.
    #[serde(default)]
    pub outbound_issuer: Option<String>,
    /// The IAM OIDC providers.
    #[serde(default)]
    pub oidc_providers: Vec<OidcProvider>,
    /// The IAM roles.
    #[serde(default)]
    pub roles: Vec<Role>,
}

const fn default_true() -> bool {
    true
}

fn default_partition() -> String {
    "aws".to_owned()
}

/// An IAM OIDC provider: an issuer that an account trusts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OidcProvider {
    /// The issuer's URL.
    pub url: String,
    /// The accepted audiences.
    #[serde(default = "default_client_ids")]
    pub client_ids: Vec<String>,
    /// The accepted fingerprints of the issuer's top CA. Empty: AWS trusts the certificate anyway.
    #[serde(default)]
    pub thumbprints: Vec<String>,
}

fn default_client_ids() -> Vec<String> {
    vec![rolebridge_core::aws::TOKEN_AUDIENCE.to_owned()]
}

/// An IAM role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    /// The name, without a path.
    pub name: String,
    /// The path, `/` or `/team/`. It is part of the role's ARN, but not of the session's.
    #[serde(default = "default_path")]
    pub path: String,
    /// The trust policy, in IAM's format.
    pub trust_policy: Value,
    /// The identity-based policies, in IAM's format.
    #[serde(default)]
    pub policies: Vec<Value>,
    /// The maximum session duration in seconds.
    #[serde(default = "default_session")]
    pub max_session_seconds: i64,
    /// The duration of every session in seconds, regardless of the request, for tests that need an early renewal. AWS
    /// allows 900 or more.
    #[serde(default)]
    pub session_seconds: Option<i64>,
}

fn default_path() -> String {
    "/".to_owned()
}

const fn default_session() -> i64 {
    3600
}

/// The resources at Google.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Google {
    /// The workload identity pool providers.
    pub providers: Vec<Provider>,
    /// The URIs that the organization policy `constraints/iam.workloadIdentityPoolProviders` allows. Absent: any.
    pub allowed_identity_providers: Option<Vec<String>>,
    /// The quota of token exchanges in a minute. Absent: none.
    pub exchanges_per_minute: Option<u64>,
    /// The service accounts.
    pub service_accounts: Vec<ServiceAccount>,
    /// The projects, with their BigQuery datasets.
    pub projects: Vec<Project>,
    /// The Cloud Storage buckets.
    pub buckets: Vec<Bucket>,
    /// The services on Cloud Run.
    pub run_services: Vec<RunService>,
    /// The applications behind Identity-Aware Proxy.
    pub iap_applications: Vec<IapApplication>,
    /// The people who may call the admin APIs, by what policies grant to them.
    pub operators: Vec<Operator>,
    /// The APIs that emulators serve, behind the check of the access token.
    pub emulated: Vec<EmulatedApi>,
}

/// An API that an emulator serves. The fake checks the access token, records the call and forwards it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmulatedApi {
    /// The host at Google, such as `pubsub.googleapis.com`. A service of this fake at the same host moves to a free port.
    pub host: String,
    /// The emulator's address for REST.
    #[serde(default)]
    pub http: Option<SocketAddr>,
    /// The emulator's address for gRPC, without TLS.
    #[serde(default)]
    pub grpc: Option<SocketAddr>,
    /// The scopes that the API accepts in addition to `cloud-platform`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The paths that need no token, such as `/$discovery/`, by their beginning.
    #[serde(default)]
    pub public: Vec<String>,
    /// True for a registry of images: callers get a token of its own at `/v2/token`, with an access token as password.
    #[serde(default)]
    pub registry: bool,
}

/// A service on Cloud Run, which requires authentication.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunService {
    /// The host at Google, such as `report-abc123-ew.a.run.app`.
    pub host: String,
    /// The bindings of its IAM policy, such as `roles/run.invoker`.
    #[serde(default)]
    pub bindings: Vec<Binding>,
    /// The content of its response.
    pub content: String,
}

/// An application behind Identity-Aware Proxy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IapApplication {
    /// The host, such as `orders.example.com`.
    pub host: String,
    /// The OAuth client IDs that are audiences of its ID tokens: of its own client, and of those allowed for programs.
    pub client_ids: Vec<String>,
    /// The bindings of its IAM policy, such as `roles/iap.httpsResourceAccessor`.
    #[serde(default)]
    pub bindings: Vec<Binding>,
    /// The content of its response.
    pub content: String,
}

/// A workload identity pool provider of type AWS or OIDC.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provider {
    /// `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    pub name: String,
    /// The trusted AWS account.
    #[serde(default)]
    pub aws_account: Option<String>,
    /// The trusted issuer of JSON web tokens.
    #[serde(default)]
    pub oidc: Option<Oidc>,
    /// A map from `google.subject` or `attribute.NAME` to a CEL expression. Absent: Google's default for AWS.
    #[serde(default)]
    pub attribute_mapping: Option<BTreeMap<String, String>>,
    /// The CEL expression that every token must satisfy.
    #[serde(default)]
    pub attribute_condition: Option<String>,
    /// True if the provider is disabled.
    #[serde(default)]
    pub disabled: bool,
    /// The lifetime of every federated token in seconds, regardless of Google's rules, for tests that need an early
    /// renewal.
    #[serde(default)]
    pub token_seconds: Option<i64>,
}

/// The trusted issuer of a provider of type OIDC.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Oidc {
    /// The claim `iss`.
    pub issuer: String,
    /// The accepted audiences. Empty: the provider's resource name, with and without `https:`.
    #[serde(default)]
    pub allowed_audiences: Vec<String>,
    /// The issuer's keys as a JWKS document in JSON, uploaded to the provider. Absent: Google fetches them.
    #[serde(default)]
    pub jwks_json: Option<String>,
}

/// A Google service account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccount {
    /// `NAME@PROJECT.iam.gserviceaccount.com`.
    pub email: String,
    /// The bindings of its IAM policy, such as `roles/iam.workloadIdentityUser`.
    #[serde(default)]
    pub bindings: Vec<Binding>,
    /// The maximum lifetime of an impersonated token in seconds: 3600, or up to 43200 where an organization allows it.
    #[serde(default = "default_session")]
    pub max_token_seconds: i64,
    /// The lifetime of every impersonated token in seconds, regardless of the request, for tests that need an early
    /// renewal.
    #[serde(default)]
    pub token_seconds: Option<i64>,
}

/// A binding, as in an IAM policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Binding {
    /// The role, such as `roles/iam.workloadIdentityUser`.
    pub role: String,
    /// The members: `principal://…/subject/SUBJECT`, `principalSet://…/attribute.NAME/VALUE`, `principalSet://…/*`,
    /// `serviceAccount:EMAIL`, `user:EMAIL`.
    pub members: Vec<String>,
}

/// A Google project.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Project {
    /// The ID, such as `shop`.
    pub id: String,
    /// The number. The admin APIs serve only projects with a number.
    #[serde(default)]
    pub number: Option<String>,
    /// The bindings of its IAM policy, such as `roles/bigquery.jobUser`.
    #[serde(default)]
    pub bindings: Vec<Binding>,
    /// The BigQuery datasets.
    #[serde(default)]
    pub datasets: Vec<Dataset>,
}

/// A person with an access token that never expires.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operator {
    /// The email address, as in the member `user:EMAIL`.
    pub email: String,
    /// The access token.
    pub token: String,
}

/// A BigQuery dataset.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dataset {
    /// The ID.
    pub id: String,
    /// The bindings of its IAM policy, such as `roles/bigquery.dataViewer`.
    #[serde(default)]
    pub bindings: Vec<Binding>,
    /// The tables.
    #[serde(default)]
    pub tables: Vec<Table>,
}

/// A BigQuery table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// The ID.
    pub id: String,
    /// The columns.
    pub schema: Vec<Column>,
    /// The rows, one value for each column: strings, numbers, booleans or null.
    pub rows: Vec<Vec<Value>>,
}

/// A column of a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The type, as in BigQuery's API: `STRING`, `INTEGER`, `FLOAT`, `NUMERIC`, `BOOLEAN`, `DATE`, …
    pub r#type: String,
}

/// A Cloud Storage bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bucket {
    /// The name.
    pub name: String,
    /// The bindings of its IAM policy, such as `roles/storage.objectViewer`.
    #[serde(default)]
    pub bindings: Vec<Binding>,
    /// The objects.
    #[serde(default)]
    pub objects: Vec<Object>,
}

/// An object of a bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Object {
    /// The name.
    pub name: String,
    /// The content type.
    #[serde(default = "default_content_type")]
    pub content_type: String,
    /// The content.
    pub content: String,
}

fn default_content_type() -> String {
    "text/plain".to_owned()
}
