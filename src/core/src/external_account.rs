//! The `external_account` documents that Google's libraries read.
//!
//! Source: <https://google.aip.dev/auth/4117>, `gcloud iam workload-identity-pools create-cred-config`, and the observed
//! behavior of the libraries.

use serde::Serialize;

use crate::aws::Partition;
use crate::identity::Identity;
use crate::service_accounts::{AccountNumber, MAX_ACCOUNTS};
use crate::token_source::TokenSource;
use crate::{google, imds};

/// The kind of a document, one for each source that needs a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigKind {
    /// The document for [`TokenSource::Loopback`].
    Loopback,
    /// The document for [`TokenSource::File`].
    File,
}

impl ConfigKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Loopback, Self::File];

    /// Returns the document for a source. `None` for a metadata server, because libraries find it without a document.
    #[must_use]
    pub const fn for_source(source: TokenSource) -> Option<Self> {
        match source {
            TokenSource::Loopback => Some(Self::Loopback),
            TokenSource::File => Some(Self::File),
            TokenSource::Metadata | TokenSource::MetadataHost => None,
        }
    }

    /// Returns the source that needs this document.
    #[must_use]
    pub const fn source(self) -> TokenSource {
        match self {
            Self::Loopback => TokenSource::Loopback,
            Self::File => TokenSource::File,
        }
    }

    /// Returns the sidecar's variable with the path at which it writes the document.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Loopback => crate::env::sidecar::LOOPBACK_CONFIG,
            Self::File => crate::env::sidecar::FILE_CONFIG,
        }
    }

    /// Returns the annotation that carries an account's document in a pod without a sidecar. `None` if no release has it in
    /// one: the source `loopback` needs a sidecar.
    #[must_use]
    pub fn annotation(self, account: AccountNumber) -> Option<&'static str> {
        const FILE: [&str; MAX_ACCOUNTS] = crate::annotations::CONFIG_FILE;
        match self {
            Self::Loopback => {
                (account == AccountNumber::DEFAULT).then_some(crate::annotations::CONFIG_LOOPBACK)
            }
            Self::File => Some(FILE[account.index()]),
        }
    }

    /// Returns the file name of an account's document in [`CONFIG_VOLUME`](crate::pod_names::CONFIG_VOLUME).
    #[must_use]
    pub const fn config_name(self, account: AccountNumber) -> &'static str {
        const LOOPBACK: [&str; MAX_ACCOUNTS] =
            ["loopback.json", "loopback-2.json", "loopback-3.json", "loopback-4.json"];
        const FILE: [&str; MAX_ACCOUNTS] = ["file.json", "file-2.json", "file-3.json", "file-4.json"];
        match self {
            Self::Loopback => LOOPBACK[account.index()],
            Self::File => FILE[account.index()],
        }
    }

    /// Returns the path of an account's document in the app's containers.
    #[must_use]
    pub fn config_path(self, account: AccountNumber) -> String {
        format!("{}/{}", crate::pod_names::CONFIG_VOLUME.path, self.config_name(account))
    }
}

/// The values of a document that do not depend on its kind.
#[derive(Debug, Clone, Copy)]
pub struct ExternalAccountConfig<'a> {
    /// The identity that the pod proves.
    pub identity: Identity,
    /// Google's universe, such as `googleapis.com`.
    pub universe: &'a str,
    /// The provider's resource name, `projects/…`.
    pub provider: &'a str,
    /// The endpoint of Google STS, without a path. `None`: the universe's endpoint.
    pub sts_endpoint: Option<&'a str>,
    /// The endpoint of the IAM Credentials API, without a path. `None`: the universe's endpoint.
    pub iam_credentials_endpoint: Option<&'a str>,
    /// The Google service account to impersonate.
    pub service_account: Option<&'a str>,
    /// The lifetime of the impersonated token in seconds. `None`: the library's default.
    pub token_lifetime: Option<u32>,
    /// The project that is billed.
    pub quota_project: Option<&'a str>,
    /// The partition of the AWS STS host that a library signs for.
    pub partition: Partition,
    /// The loopback server's port.
    pub port: u16,
    /// The path of the subject token in the app's containers.
    pub token_file: &'a str,
}

#[derive(Serialize)]
struct ConfigDocument<'a> {
    universe_domain: &'a str,
    r#type: &'static str,
    audience: String,
    subject_token_type: &'static str,
    token_url: String,
    credential_source: CredentialSource<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_impersonation_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_impersonation: Option<ImpersonationOptions>,
    /// For direct access, as `gcloud` writes it: gcloud and bq ask there for the name of the account in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_info_url: Option<String>,
    /// The only field that `gcloud` does not write.
    #[serde(skip_serializing_if = "Option::is_none")]
    quota_project_id: Option<&'a str>,
}

#[derive(Serialize)]
struct ImpersonationOptions {
    token_lifetime_seconds: u32,
}

#[derive(Serialize)]
struct Format {
    r#type: &'static str,
}

#[derive(Serialize)]
struct Headers {
    #[serde(rename = "X-Subject-Token-Request")]
    marker: &'static str,
}

const TEXT: Format = Format { r#type: "text" };

#[derive(Serialize)]
#[serde(untagged)]
enum CredentialSource<'a> {
    File {
        file: &'a str,
        format: Format,
    },
    /// `headers` and `format` are for C++, which handles the whole as a URL source. It sends the marker header, and
    /// gets the subject token instead of the role's name.
    Loopback {
        environment_id: &'static str,
        region_url: String,
        url: String,
        regional_cred_verification_url: String,
        imdsv2_session_token_url: String,
        headers: Headers,
        format: Format,
    },
}

impl<'a> CredentialSource<'a> {
    fn new(kind: ConfigKind, config: &ExternalAccountConfig<'a>) -> Self {
        let url = |path: &str| format!("http://127.0.0.1:{}{path}", config.port);
        match kind {
            ConfigKind::File => Self::File { file: config.token_file, format: TEXT },
            ConfigKind::Loopback => Self::Loopback {
                environment_id: "aws1",
                region_url: url(imds::REGION_PATH),
                url: url(imds::CREDENTIALS_PATH),
                regional_cred_verification_url: verification_url(config.partition),
                imdsv2_session_token_url: url(imds::SESSION_TOKEN_PATH),
                headers: Headers { marker: imds::MARKER_VALUE },
                format: TEXT,
            },
        }
    }
}

/// Returns the URL that Google documents. The library only signs the request; Google posts it.
fn verification_url(partition: Partition) -> String {
    format!("https://sts.{{region}}.{}?Action=GetCallerIdentity&Version=2011-06-15", partition.dns_suffix)
}

impl ExternalAccountConfig<'_> {
    /// Returns the document of a kind.
    #[must_use]
    pub fn document(&self, kind: ConfigKind) -> impl Serialize + use<'_> {
        // A custom endpoint serves both paths. A pod that needs one may not reach the universe's endpoint.
        let sts = self.endpoint("sts", self.sts_endpoint);
        ConfigDocument {
            universe_domain: self.universe,
            r#type: "external_account",
            audience: google::audience(self.provider),
            subject_token_type: self.identity.subject_token_type(),
            token_url: format!("{sts}/v1/token"),
            credential_source: CredentialSource::new(kind, self),
            service_account_impersonation_url: self.service_account.map(|email| {
                let endpoint = self.endpoint("iamcredentials", self.iam_credentials_endpoint);
                format!("{endpoint}/v1/projects/-/serviceAccounts/{email}:generateAccessToken")
            }),
            service_account_impersonation: self
                .service_account
                .and(self.token_lifetime)
                .map(|token_lifetime_seconds| ImpersonationOptions { token_lifetime_seconds }),
            token_info_url: self.service_account.is_none().then(|| format!("{sts}/v1/introspect")),
            quota_project_id: self.quota_project,
        }
    }

    fn endpoint(&self, service: &str, custom: Option<&str>) -> String {
        custom.map_or_else(
            || google::endpoint(service, self.universe),
            |endpoint| endpoint.trim_end_matches('/').to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::PARTITIONS;

    const DIRECT: ExternalAccountConfig<'_> = ExternalAccountConfig {
        identity: Identity::AwsRole,
        universe: "googleapis.com",
        provider: "projects/123456/locations/global/workloadIdentityPools/aws-pool/providers/prod",
        sts_endpoint: None,
        iam_credentials_endpoint: None,
        service_account: None,
        token_lifetime: None,
        quota_project: None,
        partition: PARTITIONS[0],
        port: 15080,
        token_file: "/var/run/rolebridge/token/token",
    };

    fn text(config: &ExternalAccountConfig<'_>, kind: ConfigKind) -> String {
        serde_json::to_string_pretty(&config.document(kind)).unwrap()
    }

    #[test]
    fn file_document_for_direct_access() {
        assert_eq!(
            text(&DIRECT, ConfigKind::File),
            r#"{
  "universe_domain": "googleapis.com",
  "type": "external_account",
  "audience": "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws-pool/providers/prod",
  "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
  "token_url": "https://sts.googleapis.com/v1/token",
  "credential_source": {
    "file": "/var/run/rolebridge/token/token",
    "format": {
      "type": "text"
    }
  },
  "token_info_url": "https://sts.googleapis.com/v1/introspect"
}"#
        );
    }

    #[test]
    fn introspection_is_at_the_custom_endpoint() {
        let config = ExternalAccountConfig { sts_endpoint: Some("https://sts.example.internal/"), ..DIRECT };
        let expected = r#""token_info_url": "https://sts.example.internal/v1/introspect""#;
        for kind in ConfigKind::ALL {
            assert!(text(&config, kind).contains(expected), "{kind:?}");
        }
    }

    #[test]
    fn loopback_document_for_impersonation_at_custom_endpoints() {
        let config = ExternalAccountConfig {
            sts_endpoint: Some("https://sts.example.internal/"),
            iam_credentials_endpoint: Some("https://iam.example.internal"),
            service_account: Some("nightly-batch@shop.iam.gserviceaccount.com"),
            token_lifetime: Some(1800),
            quota_project: Some("shop"),
            port: 15081,
            ..DIRECT
        };
        assert_eq!(
            text(&config, ConfigKind::Loopback),
            r#"{
  "universe_domain": "googleapis.com",
  "type": "external_account",
  "audience": "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws-pool/providers/prod",
  "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
  "token_url": "https://sts.example.internal/v1/token",
  "credential_source": {
    "environment_id": "aws1",
    "region_url": "http://127.0.0.1:15081/latest/meta-data/placement/availability-zone",
    "url": "http://127.0.0.1:15081/latest/meta-data/iam/security-credentials",
    "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    "imdsv2_session_token_url": "http://127.0.0.1:15081/latest/api/token",
    "headers": {
      "X-Subject-Token-Request": "aws4_request"
    },
    "format": {
      "type": "text"
    }
  },
  "service_account_impersonation_url": "https://iam.example.internal/v1/projects/-/serviceAccounts/nightly-batch@shop.iam.gserviceaccount.com:generateAccessToken",
  "service_account_impersonation": {
    "token_lifetime_seconds": 1800
  },
  "quota_project_id": "shop"
}"#
        );
    }

    #[test]
    fn loopback_document_has_the_partition_sts_host() {
        let config = ExternalAccountConfig { partition: Partition::of_region("cn-north-1"), ..DIRECT };
        let url = "https://sts.{region}.amazonaws.com.cn?Action=GetCallerIdentity&Version=2011-06-15";
        assert!(text(&config, ConfigKind::Loopback).contains(url));
    }

    #[test]
    fn file_document_of_a_json_web_token_names_the_refreshed_file() {
        for (identity, token_file) in
            [(Identity::AwsJwt, "/token/token"), (Identity::Kubernetes, "/identity/token")]
        {
            let text = text(&ExternalAccountConfig { identity, token_file, ..DIRECT }, ConfigKind::File);
            assert!(
                text.contains(r#""subject_token_type": "urn:ietf:params:oauth:token-type:jwt""#),
                "{text}"
            );
            assert!(text.contains(&format!("\"file\": \"{token_file}\"")), "{text}");
        }
    }

    #[test]
    fn each_account_has_its_own_documents() {
        let second = AccountNumber::ALL[1];
        let path = ConfigKind::File.config_path(AccountNumber::DEFAULT);
        assert_eq!(path, "/var/run/rolebridge/config/file.json");
        assert_eq!(ConfigKind::Loopback.config_path(second), "/var/run/rolebridge/config/loopback-2.json");
        assert_eq!(ConfigKind::File.annotation(second), Some("rolebridge.io/config-file-2"));
        assert_eq!(ConfigKind::Loopback.annotation(second), None);
        let names = AccountNumber::ALL.map(|account| {
            ConfigKind::ALL.map(|kind| [Some(kind.config_name(account)), kind.annotation(account)])
        });
        let distinct: std::collections::HashSet<_> =
            names.as_flattened().as_flattened().iter().flatten().collect();
        assert_eq!(distinct.len(), 2 * MAX_ACCOUNTS + MAX_ACCOUNTS + 1);
    }

    /// The volume of the documents has room for twice two pages of each kind.
    #[test]
    fn longest_document_fits_in_a_page() {
        let host = format!("https://{}", "h".repeat(253));
        let email = format!("{}@{}.gserviceaccount.com", "n".repeat(63), "p".repeat(63));
        let provider = format!(
            "projects/{}/locations/global/workloadIdentityPools/{}/providers/{}",
            "1".repeat(19),
            "p".repeat(32),
            "q".repeat(32)
        );
        let config = ExternalAccountConfig {
            universe: &host[8..],
            provider: &provider,
            sts_endpoint: Some(&host),
            iam_credentials_endpoint: Some(&host),
            service_account: Some(&email),
            token_lifetime: Some(43_200),
            quota_project: Some(&email),
            ..DIRECT
        };
        for kind in ConfigKind::ALL {
            assert!(text(&config, kind).len() < 4096, "{kind:?}");
        }
    }
}
