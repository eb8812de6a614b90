//! The pod's annotations of ours: the configurations, and what was decided. They are always ours: what came in is
//! overwritten.

use rolebridge_core::annotations::STATUS;
use rolebridge_core::aws::{PARTITIONS, Partition};
use rolebridge_core::external_account::{ConfigKind, ExternalAccountConfig};
use rolebridge_core::identity::Identity;
use serde::{Serialize, Serializer};

use super::builder::PatchBuilder;
use super::status::Status;
use crate::{Pod, Settings};

pub(super) fn add(builder: &mut PatchBuilder, pod: &Pod<'_>, settings: &Settings<'_>, status: &Status<'_>) {
    let account = account(settings);
    let in_use = |source| settings.sources.value.documents().any(|document| document == source);
    // A configuration that came in is overwritten even if nothing mounts it.
    let ours = [ConfigKind::Loopback, ConfigKind::File]
        .into_iter()
        .filter(|source| in_use(*source) || pod.annotation(source.annotation()).is_some());
    // Only a role can be proved by loopback.
    let possible =
        |source| if settings.identity.value == Identity::AwsRole { source } else { ConfigKind::File };
    let mut ours: Vec<_> =
        ours.map(|source| (source.annotation(), text(&account.document(possible(source))))).collect();
    ours.push((STATUS, text(status)));
    match pod.annotations() {
        Some(annotations) => {
            for (key, value) in ours.iter().filter(|(key, value)| annotations.find(key) != Some(value)) {
                builder.add(format_args!("/metadata/annotations/{}", Escaped(key)), value);
            }
        }
        None if pod.metadata.is_some() => builder.add(format_args!("/metadata/annotations"), &Map(&ours)),
        None => builder.add(format_args!("/metadata"), &Map(&[("annotations", Map(&ours))])),
    }
}

/// What the configurations say, whatever the source.
fn account<'a>(settings: &Settings<'a>) -> ExternalAccountConfig<'a> {
    let google = &settings.google;
    ExternalAccountConfig {
        identity: settings.identity.value,
        universe: google.universe.value,
        provider: google.provider.value.into_str(),
        sts_endpoint: google.sts_endpoint.map(|endpoint| endpoint.value),
        iam_credentials_endpoint: google.iam_credentials_endpoint.map(|endpoint| endpoint.value),
        service_account: google.service_account.map(|email| email.value),
        token_lifetime: google.explicit_token_lifetime(),
        quota_project: google.quota_project.map(|project| project.value),
        // Nobody signs for an identity that needs nothing of AWS.
        partition: settings.aws.as_ref().map_or(PARTITIONS[0], |aws| Partition::of_region(aws.region.value)),
        port: settings.sidecar.port.value,
    }
}

#[expect(clippy::expect_used, reason = "our documents have string keys alone")]
fn text(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("our documents are JSON")
}

/// Keys and values in their order.
struct Map<'a, V>(&'a [(&'static str, V)]);

impl<V: Serialize> Serialize for Map<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// A key in a JSON pointer.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = self.0.split('/');
        f.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| write!(f, "~1{part}"))
    }
}
