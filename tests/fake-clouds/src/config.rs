//! What exists in the fake clouds, typed. A test writes it in code, the program reads it from a file.
//!
//! Documents that AWS and Google have (policies, attribute mappings, members) are written as they have them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::google::policy::Binding;

/// Everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen. The services take this port and the five after it; port 0: each any free one.
    pub listen: SocketAddr,
    /// Host names and addresses in the certificate besides `localhost`, `127.0.0.1` and `::1`.
    pub names: Vec<String>,
    /// Whether Google's services are at their own names, `https://sts.googleapis.com` and so on. They listen where these
    /// lead to, which is to be this machine, each name to an address of its own.
    pub google_hosts: bool,
    /// Whether to speak TLS, as the real ones do. Otherwise plain HTTP. EKS Pod Identity's agent never speaks TLS.
    pub tls: bool,
    /// The clusters' issuers of web identity tokens.
    pub issuers: Vec<Issuer>,
    /// What exists at AWS.
    pub aws: Aws,
    /// What exists at Google.
    pub google: Google,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            names: Vec::new(),
            google_hosts: false,
            tls: true,
            issuers: Vec::new(),
            aws: Aws::default(),
            google: Google::default(),
        }
    }
}

/// An OIDC issuer: a cluster's.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Issuer {
    /// As in the claim `iss`, such as `https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF`.
    pub url: String,
    /// Its keys.
    #[serde(default)]
    pub keys: Keys,
}

/// The keys of an issuer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Keys {
    /// A new ES256 key: this process can mint tokens.
    #[default]
    Generated,
    /// A JWKS document, as at the issuer's `jwks_uri`: ES256 and RS256 keys. Tokens come from elsewhere.
    Jwks(Value),
    /// Public keys in PEM (`PUBLIC KEY`): ES256 and RS256. Tokens come from elsewhere.
    Pem(Vec<String>),
}

/// What exists at AWS.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Aws {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// EKS Pod Identity in a cluster.
    pub pod_identity: Option<PodIdentity>,
    /// Minutes before and after a signature's time in which it is taken: AWS has 5 to 15.
    pub signature_minutes: i64,
}

impl Default for Aws {
    fn default() -> Self {
        Self { accounts: Vec::new(), pod_identity: None, signature_minutes: 15 }
    }
}

/// EKS Pod Identity in a cluster: its agent on the nodes, and its associations.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodIdentity {
    /// The cluster's name.
    pub cluster: String,
    /// The cluster's issuer.
    pub issuer: String,
    /// Which service account has which role.
    pub associations: Vec<PodIdentityAssociation>,
}

/// A service account's role.
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
    /// Twelve digits.
    pub id: String,
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    #[serde(default = "default_partition")]
    pub partition: String,
    /// Whether AWS STS is activated for the account, in whichever region it is asked.
    #[serde(default = "default_true")]
    pub sts_activated: bool,
    /// The issuer of the account's outbound identity federation, `https://UUID.tokens.sts.global.api.aws`. Absent: it is
    /// not enabled.
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

/// An IAM OIDC provider: an issuer that an account knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OidcProvider {
    /// The issuer's URL.
    pub url: String,
    /// The audiences that it takes.
    #[serde(default = "default_client_ids")]
    pub client_ids: Vec<String>,
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
    /// The path, `/` or `/team/`. It is part of the role's ARN, not of the session's.
    #[serde(default = "default_path")]
    pub path: String,
    /// Who may assume it: the document, as IAM has it.
    pub trust_policy: Value,
    /// What it may do: documents, as IAM has them.
    #[serde(default)]
    pub policies: Vec<Value>,
    /// The longest session in seconds.
    #[serde(default = "default_session")]
    pub max_session_seconds: i64,
    /// Seconds of every session, whatever was asked for: for who cannot wait for a renewal. AWS gives 900 or more.
    #[serde(default)]
    pub session_seconds: Option<i64>,
}

fn default_path() -> String {
    "/".to_owned()
}

const fn default_session() -> i64 {
    3600
}

/// What exists at Google.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Google {
    /// The universe's domain.
    pub universe: String,
    /// The workload identity pool providers.
    pub providers: Vec<Provider>,
    /// The service accounts.
    pub service_accounts: Vec<ServiceAccount>,
    /// The projects, with their BigQuery datasets.
    pub projects: Vec<Project>,
    /// The Cloud Storage buckets.
    pub buckets: Vec<Bucket>,
}

impl Default for Google {
    fn default() -> Self {
        Self {
            universe: rolebridge_core::google::DEFAULT_UNIVERSE.to_owned(),
            providers: Vec::new(),
            service_accounts: Vec::new(),
            projects: Vec::new(),
            buckets: Vec::new(),
        }
    }
}

/// A workload identity pool provider: of type AWS or OIDC.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provider {
    /// `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    pub name: String,
    /// The AWS account that it trusts.
    #[serde(default)]
    pub aws_account: Option<String>,
    /// The issuer of JSON web tokens that it trusts.
    #[serde(default)]
    pub oidc: Option<Oidc>,
    /// From `google.subject` or `attribute.NAME` to a CEL expression. Absent: Google's default for AWS.
    #[serde(default)]
    pub attribute_mapping: Option<BTreeMap<String, String>>,
    /// A CEL expression that must hold.
    #[serde(default)]
    pub attribute_condition: Option<String>,
    /// Whether it is switched off.
    #[serde(default)]
    pub disabled: bool,
    /// Seconds of every federated token, whatever Google would give: for who cannot wait for a renewal.
    #[serde(default)]
    pub token_seconds: Option<i64>,
}

/// The issuer that a provider of type OIDC trusts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Oidc {
    /// As in the claim `iss`.
    pub issuer: String,
    /// The audiences that it takes. None: the provider's resource name, with and without `https:`.
    #[serde(default)]
    pub allowed_audiences: Vec<String>,
}

/// A Google service account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccount {
    /// `NAME@PROJECT.iam.gserviceaccount.com`.
    pub email: String,
    /// Who may do what with it, such as `roles/iam.workloadIdentityUser`.
    #[serde(default)]
    pub bindings: Vec<Binding>,
    /// The longest impersonated token in seconds: 3600, or up to 43200 where an organisation allows it.
    #[serde(default = "default_session")]
    pub max_token_seconds: i64,
    /// Seconds of every impersonated token, whatever was asked for: for who cannot wait for a renewal.
    #[serde(default)]
    pub token_seconds: Option<i64>,
}

/// A Google project.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Project {
    /// The id, such as `shop`.
    pub id: String,
    /// Who may do what in it, such as `roles/bigquery.jobUser`.
    #[serde(default)]
    pub bindings: Vec<Binding>,
    /// The BigQuery datasets.
    #[serde(default)]
    pub datasets: Vec<Dataset>,
}

/// A BigQuery dataset.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dataset {
    /// The id.
    pub id: String,
    /// Who may do what with it, such as `roles/bigquery.dataViewer`.
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
    /// The id.
    pub id: String,
    /// The columns.
    pub schema: Vec<Column>,
    /// The rows, one value for each column: strings, numbers, booleans or null.
    pub rows: Vec<Vec<Value>>,
}

/// A column.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The type, as BigQuery's API names it: `STRING`, `INTEGER`, `FLOAT`, `NUMERIC`, `BOOLEAN`, `DATE`, …
    pub r#type: String,
}

/// A Cloud Storage bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bucket {
    /// The name.
    pub name: String,
    /// Who may do what with it, such as `roles/storage.objectViewer`.
    #[serde(default)]
    pub bindings: Vec<Binding>,
    /// The objects.
    #[serde(default)]
    pub objects: Vec<Object>,
}

/// An object.
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
