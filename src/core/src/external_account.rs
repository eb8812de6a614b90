//! The `external_account` document that Google's libraries read, one for each source.
//!
//! Source: <https://google.aip.dev/auth/4117>, and what the libraries were seen to do with it.

use serde::Serialize;

use crate::aws::Partition;
use crate::identity::Identity;
use crate::token_source::TokenSource;
use crate::{google, imds, pod_names};

/// A kind of document: one for each source that needs a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigKind {
    /// A server on 127.0.0.1 that answers as EC2's metadata service does.
    Loopback,
    /// A file that the sidecar keeps fresh.
    File,
}

impl ConfigKind {
    /// Returns the document for a source. `None` for [`TokenSource::Metadata`], because libraries find a metadata
    /// server without a document.
    #[must_use]
    pub const fn for_source(source: TokenSource) -> Option<Self> {
        match source {
            TokenSource::Loopback => Some(Self::Loopback),
            TokenSource::File => Some(Self::File),
            TokenSource::Metadata => None,
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

    /// The annotation that carries this source's document.
    #[must_use]
    pub const fn annotation(self) -> &'static str {
        match self {
            Self::Loopback => crate::annotations::CONFIG_LOOPBACK,
            Self::File => crate::annotations::CONFIG_FILE,
        }
    }

    /// The document's file name in [`pod_names::CONFIG_VOLUME`].
    #[must_use]
    pub const fn config_name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback.json",
            Self::File => "file.json",
        }
    }

    /// The document's path in the app's containers.
    #[must_use]
    pub const fn config_path(self) -> &'static str {
        match self {
            Self::Loopback => "/var/run/rolebridge/config/loopback.json",
            Self::File => "/var/run/rolebridge/config/file.json",
        }
    }
}

/// What the document says, whatever the source.
#[derive(Debug, Clone, Copy)]
pub struct ExternalAccountConfig<'a> {
    /// What the pod proves.
    pub identity: Identity,
    /// Google's universe, such as `googleapis.com`.
    pub universe: &'a str,
    /// The provider's resource name, `projects/…`.
    pub provider: &'a str,
    /// The endpoint of Google STS, without a path; `None`: the universe's.
    pub sts_endpoint: Option<&'a str>,
    /// The endpoint of the IAM Credentials API, without a path; `None`: the universe's.
    pub iam_credentials_endpoint: Option<&'a str>,
    /// The Google service account to impersonate.
    pub service_account: Option<&'a str>,
    /// Seconds of the impersonated token; `None`: the library's default.
    pub token_lifetime: Option<u32>,
    /// The project that pays.
    pub quota_project: Option<&'a str>,
    /// The partition whose AWS STS a library signs for.
    pub partition: Partition,
    /// The loopback server's port.
    pub port: u16,
}

#[derive(Serialize)]
struct ConfigDocument<'a> {
    universe_domain: &'a str,
    r#type: &'static str,
    audience: String,
    subject_token_type: &'static str,
    token_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_impersonation_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_impersonation: Option<Impersonation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota_project_id: Option<&'a str>,
    credential_source: CredentialSource,
}

#[derive(Serialize)]
struct Impersonation {
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
enum CredentialSource {
    File {
        file: &'static str,
        format: Format,
    },
    /// `headers` and `format` are for C++, which takes the whole for a URL source: it sends the marker header, and
    /// is answered with the subject token instead of the role's name.
    Loopback {
        environment_id: &'static str,
        region_url: String,
        url: String,
        imdsv2_session_token_url: String,
        regional_cred_verification_url: String,
        headers: Headers,
        format: Format,
    },
}

impl CredentialSource {
    fn of(source: ConfigKind, account: &ExternalAccountConfig<'_>) -> Self {
        let here = |path: &str| format!("http://127.0.0.1:{}{path}", account.port);
        match source {
            ConfigKind::File => Self::File { file: token_file(account.identity), format: TEXT },
            ConfigKind::Loopback => Self::Loopback {
                environment_id: "aws1",
                region_url: here(imds::REGION_PATH),
                url: here(imds::CREDENTIALS_PATH),
                imdsv2_session_token_url: here(imds::SESSION_TOKEN_PATH),
                regional_cred_verification_url: verification_url(account.partition),
                headers: Headers { marker: imds::MARKER_VALUE },
                format: TEXT,
            },
        }
    }
}

/// The kubelet itself keeps the token of a Kubernetes service account fresh.
const fn token_file(identity: Identity) -> &'static str {
    match identity {
        Identity::AwsRole | Identity::AwsJwt => pod_names::TOKEN_FILE,
        Identity::Kubernetes => pod_names::IDENTITY_TOKEN_FILE,
    }
}

/// As Google documents it. Only ever signed: it is Google that posts it.
fn verification_url(partition: Partition) -> String {
    format!("https://sts.{{region}}.{}?Action=GetCallerIdentity&Version=2011-06-15", partition.dns_suffix)
}

impl ExternalAccountConfig<'_> {
    /// The document for a source.
    #[must_use]
    pub fn document(&self, source: ConfigKind) -> impl Serialize + use<'_> {
        ConfigDocument {
            universe_domain: self.universe,
            r#type: "external_account",
            audience: google::audience(self.universe, self.provider),
            subject_token_type: self.identity.subject_token_type(),
            token_url: format!("{}/v1/token", self.endpoint("sts", self.sts_endpoint)),
            service_account_impersonation_url: self.service_account.map(|email| {
                let endpoint = self.endpoint("iamcredentials", self.iam_credentials_endpoint);
                format!("{endpoint}/v1/projects/-/serviceAccounts/{email}:generateAccessToken")
            }),
            service_account_impersonation: self
                .service_account
                .and(self.token_lifetime)
                .map(|token_lifetime_seconds| Impersonation { token_lifetime_seconds }),
            quota_project_id: self.quota_project,
            credential_source: CredentialSource::of(source, self),
        }
    }

    fn endpoint(&self, service: &str, other: Option<&str>) -> String {
        other.map_or_else(
            || format!("https://{service}.{}", self.universe),
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
        provider: "projects/123456/locations/global/workloadIdentityPools/aws/providers/prod",
        sts_endpoint: None,
        iam_credentials_endpoint: None,
        service_account: None,
        token_lifetime: None,
        quota_project: None,
        partition: PARTITIONS[0],
        port: 15080,
    };

    fn text(account: &ExternalAccountConfig<'_>, source: ConfigKind) -> String {
        serde_json::to_string_pretty(&account.document(source)).unwrap()
    }

    #[test]
    fn direct_access_by_file() {
        assert_eq!(
            text(&DIRECT, ConfigKind::File),
            r#"{
  "universe_domain": "googleapis.com",
  "type": "external_account",
  "audience": "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws/providers/prod",
  "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
  "token_url": "https://sts.googleapis.com/v1/token",
  "credential_source": {
    "file": "/var/run/rolebridge/token/token",
    "format": {
      "type": "text"
    }
  }
}"#
        );
    }

    #[test]
    fn impersonation_by_loopback_at_other_endpoints() {
        let account = ExternalAccountConfig {
            sts_endpoint: Some("https://sts.example.internal/"),
            iam_credentials_endpoint: Some("https://iam.example.internal"),
            service_account: Some("batch@shop.iam.gserviceaccount.com"),
            token_lifetime: Some(1800),
            quota_project: Some("shop"),
            port: 15081,
            ..DIRECT
        };
        assert_eq!(
            text(&account, ConfigKind::Loopback),
            r#"{
  "universe_domain": "googleapis.com",
  "type": "external_account",
  "audience": "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws/providers/prod",
  "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
  "token_url": "https://sts.example.internal/v1/token",
  "service_account_impersonation_url": "https://iam.example.internal/v1/projects/-/serviceAccounts/batch@shop.iam.gserviceaccount.com:generateAccessToken",
  "service_account_impersonation": {
    "token_lifetime_seconds": 1800
  },
  "quota_project_id": "shop",
  "credential_source": {
    "environment_id": "aws1",
    "region_url": "http://127.0.0.1:15081/latest/meta-data/placement/availability-zone",
    "url": "http://127.0.0.1:15081/latest/meta-data/iam/security-credentials",
    "imdsv2_session_token_url": "http://127.0.0.1:15081/latest/api/token",
    "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    "headers": {
      "X-Subject-Token-Request": "aws4_request"
    },
    "format": {
      "type": "text"
    }
  }
}"#
        );
    }

    #[test]
    fn a_library_signs_for_the_host_of_its_partition() {
        let account = ExternalAccountConfig { partition: Partition::of_region("cn-north-1"), ..DIRECT };
        let url = "https://sts.{region}.amazonaws.com.cn?Action=GetCallerIdentity&Version=2011-06-15";
        assert!(text(&account, ConfigKind::Loopback).contains(url));
    }

    #[test]
    fn a_json_web_token_is_in_the_file_of_who_keeps_it_fresh() {
        for (identity, file) in [
            (Identity::AwsJwt, "/var/run/rolebridge/token/token"),
            (Identity::Kubernetes, "/var/run/rolebridge/identity/token"),
        ] {
            let text = text(&ExternalAccountConfig { identity, ..DIRECT }, ConfigKind::File);
            assert!(
                text.contains(r#""subject_token_type": "urn:ietf:params:oauth:token-type:jwt""#),
                "{text}"
            );
            assert!(text.contains(&format!("\"file\": \"{file}\"")), "{text}");
        }
    }

    #[test]
    fn the_paths_lie_in_the_volume() {
        for source in [ConfigKind::Loopback, ConfigKind::File] {
            let joined = format!("{}/{}", pod_names::CONFIG_VOLUME.path, source.config_name());
            assert_eq!(source.config_path(), joined);
        }
    }
}
