//! Compares the `external_account` documents with those of `gcloud iam workload-identity-pools create-cred-config`.
//!
//! `create_cred_config/` has what gcloud 528.0.0 wrote for the provider below: `--aws --enable-imdsv2` or
//! `--credential-source-file`, with and without `--service-account`, and for another universe.

use rolebridge_core::aws::PARTITIONS;
use rolebridge_core::external_account::{ConfigKind, ExternalAccountConfig};
use rolebridge_core::identity::Identity;

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

const IMPERSONATION: ExternalAccountConfig<'_> = ExternalAccountConfig {
    service_account: Some("nightly-batch@shop.iam.gserviceaccount.com"),
    token_lifetime: Some(1800),
    ..DIRECT
};

/// Fields of the source that gcloud does not write: only C++ reads them.
const ONLY_FOR_CPP: &str = r#",
    "headers": {
      "X-Subject-Token-Request": "aws4_request"
    },
    "format": {
      "type": "text"
    }"#;

#[test]
fn document_is_the_one_of_gcloud() {
    let direct = include_str!("create_cred_config/aws-direct.json");
    let impersonation = include_str!("create_cred_config/aws-impersonation.json");
    for (config, expected) in [(DIRECT, direct), (IMPERSONATION, impersonation)] {
        let text = text(&config, ConfigKind::Loopback);
        assert!(text.contains(ONLY_FOR_CPP), "{text}");
        let metadata = text.replace("127.0.0.1:15080", "169.254.169.254").replace(ONLY_FOR_CPP, "");
        assert_eq!(metadata, expected);
    }
    let direct = include_str!("create_cred_config/file-direct.json");
    let impersonation = include_str!("create_cred_config/file-impersonation.json");
    for (config, expected) in [(DIRECT, direct), (IMPERSONATION, impersonation)] {
        let config = ExternalAccountConfig { identity: Identity::AwsJwt, ..config };
        assert_eq!(text(&config, ConfigKind::File), expected);
    }
}

/// The endpoints are those of the universe, the audience has `iam.googleapis.com` as in every universe.
#[test]
fn document_for_a_universe_is_the_one_of_gcloud() {
    let config = ExternalAccountConfig { identity: Identity::AwsJwt, universe: "example.com", ..DIRECT };
    assert_eq!(text(&config, ConfigKind::File), include_str!("create_cred_config/file-direct-universe.json"));
}

fn text(config: &ExternalAccountConfig<'_>, kind: ConfigKind) -> String {
    serde_json::to_string_pretty(&config.document(kind)).unwrap_or_default()
}
