//! Rolebridge's annotations on the pod: the configurations and the status. Existing values are overwritten.

use rolebridge_core::annotations::STATUS;
use rolebridge_core::aws::{PARTITIONS, Partition};
use rolebridge_core::external_account::{ConfigKind, ExternalAccountConfig};
use rolebridge_core::identity::Identity;
use rolebridge_core::pod_names::{IDENTITY_TOKEN_FILE, TOKEN_FILE};
use rolebridge_core::service_accounts::AccountNumber;
use serde::{Serialize, Serializer};

use super::builder::{PatchBuilder, Path};
use super::json;
use super::status::Status;
use crate::reinvocation::ConfigCarrier;
use crate::settings::Settings;
use crate::view::Pod;

/// Adds the annotations. Only a pod without a sidecar has its configurations there; in any other pod they have no effect,
/// and an existing one stays.
pub(super) fn add(
    builder: &mut PatchBuilder,
    pod: &Pod<'_>,
    settings: &Settings<'_>,
    carrier: ConfigCarrier,
    status: &Status<'_>,
) {
    let mut entries = match carrier {
        ConfigCarrier::Annotations => configs(pod, settings),
        ConfigCarrier::Sidecar => Vec::new(),
    };
    entries.push((STATUS, to_json(status)));
    match pod.annotations() {
        Some(annotations) => {
            for (key, value) in entries.iter().filter(|(key, value)| annotations.find(key) != Some(value)) {
                builder.add(("/metadata/annotations/", Escaped(key)), value);
            }
        }
        None if pod.metadata.is_some() => builder.add("/metadata/annotations", &Map(&entries)),
        None => builder.add("/metadata", &Map(&[("annotations", Map(&entries))])),
    }
}

/// Returns the configurations. An existing one is overwritten even if no container mounts it.
fn configs(pod: &Pod<'_>, settings: &Settings<'_>) -> Vec<(&'static str, String)> {
    let accounts: Vec<_> = settings.google.accounts().map(|(_, email)| email).collect();
    let in_use = |kind| settings.sources.value.documents().any(|used| used == kind);
    // Only a role can use the loopback configuration.
    let supported = |kind| if settings.identity.value == Identity::AwsRole { kind } else { ConfigKind::File };
    let mut configs = Vec::new();
    for (kind, number) in
        ConfigKind::ALL.into_iter().flat_map(|kind| AccountNumber::ALL.map(|number| (kind, number)))
    {
        let Some(key) = kind.annotation(number) else { continue };
        let account = accounts.get(number.index());
        if (in_use(kind) && account.is_some()) || pod.annotation(key).is_some() {
            // A number without an account is not mounted.
            let config = external_account_config(settings, account.copied().unwrap_or(accounts[0]));
            configs.push((key, to_json(&config.document(supported(kind)))));
        }
    }
    configs
}

/// Returns the content that the configurations of an account share.
fn external_account_config<'a>(
    settings: &'a Settings<'_>,
    service_account: Option<&'a str>,
) -> ExternalAccountConfig<'a> {
    let google = &settings.google;
    ExternalAccountConfig {
        identity: settings.identity.value,
        universe: google.universe.value,
        provider: google.provider.value.into_str(),
        // The name of a pod that a controller creates is not known yet, so all such pods use the first.
        sts_endpoint: google.sts_endpoints.as_ref().and_then(|setting| setting.value.first().copied()),
        iam_credentials_endpoint: google.iam_credentials_endpoint.map(|endpoint| endpoint.value),
        service_account,
        token_lifetime: google.explicit_token_lifetime(),
        quota_project: google.quota_project.map(|project| project.value),
        // An identity without AWS signs nothing, so any partition is correct.
        partition: settings.aws.as_ref().map_or(PARTITIONS[0], |aws| Partition::of_region(aws.region.value)),
        port: settings.sidecar.port.value,
        token_file: match settings.identity.value {
            Identity::AwsRole | Identity::AwsJwt => TOKEN_FILE,
            // The kubelet itself refreshes the token.
            Identity::Kubernetes => IDENTITY_TOKEN_FILE,
        },
    }
}

#[expect(
    clippy::expect_used,
    reason = "the documents are types of this project, without an error of their own, and JSON is UTF-8"
)]
fn to_json(document: &impl Serialize) -> String {
    let mut text = Vec::new();
    json::write(&mut text, document).expect("the documents are JSON");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// A JSON object that keeps the order of its entries.
struct Map<'a, V>(&'a [(&'static str, V)]);

impl<V: Serialize> Serialize for Map<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// A key, escaped for a JSON pointer.
#[derive(Clone, Copy)]
struct Escaped<'a>(&'a str);

impl Path for Escaped<'_> {
    fn write(self, out: &mut Vec<u8>) {
        for (index, part) in self.0.split('/').enumerate() {
            if index > 0 {
                out.extend_from_slice(b"~1");
            }
            out.extend_from_slice(part.as_bytes());
        }
    }
}
