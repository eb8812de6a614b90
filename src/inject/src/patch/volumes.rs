//! Rolebridge's volumes in the pod, and their mounts.

use std::borrow::Cow;

use rolebridge_core::google::token_audience;
use rolebridge_core::identity::Identity;
use rolebridge_core::pod_names::{
    AWS_TOKEN_NAME, AWS_TOKEN_VOLUME, CA_NAME, CA_VOLUME, CONFIG_VOLUME, IDENTITY_TOKEN_NAME,
    IDENTITY_VOLUME, TOKEN_VOLUME, VolumeMount,
};
use serde::{Serialize, Serializer};

use super::builder::PatchBuilder;
use crate::settings::{Aws, Settings};
use crate::view::Pod;

/// A mount to add.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mount {
    name: &'static str,
    #[serde(rename = "mountPath")]
    path: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    read_only: bool,
}

impl Mount {
    pub(super) const fn read_only(VolumeMount { name, path }: VolumeMount) -> Self {
        Self { name, path, read_only: true }
    }

    pub(super) const fn writable(VolumeMount { name, path }: VolumeMount) -> Self {
        Self { name, path, read_only: false }
    }
}

/// A volume to add.
#[derive(Serialize)]
struct AddedVolume<'a> {
    name: &'static str,
    #[serde(flatten)]
    source: VolumeSource<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum VolumeSource<'a> {
    EmptyDir {
        medium: &'static str,
        #[serde(rename = "sizeLimit")]
        size_limit: &'static str,
    },
    #[serde(rename = "downwardAPI")]
    DownwardApi {
        items: Vec<DownwardItem>,
    },
    /// A projected volume. `defaultMode` stays 0644: the kubelet tightens it if the pod has one user or an `fsGroup`.
    Projected {
        sources: [ProjectedSource<'a>; 1],
    },
    ConfigMap {
        name: &'a str,
        items: [KeyItem<'a>; 1],
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DownwardItem {
    path: &'static str,
    field_ref: FieldRef,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FieldRef {
    field_path: Annotation,
}

/// The field path of a pod annotation.
struct Annotation(&'static str);

impl Serialize for Annotation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("metadata.annotations['{}']", self.0))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProjectedSource<'a> {
    service_account_token: ServiceAccountToken<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceAccountToken<'a> {
    audience: Cow<'a, str>,
    expiration_seconds: u32,
    path: &'static str,
}

#[derive(Serialize)]
struct KeyItem<'a> {
    key: &'a str,
    path: &'static str,
}

/// Adds the missing volumes.
pub(super) fn add(builder: &mut PatchBuilder, pod: &Pod<'_>, settings: &Settings<'_>) {
    let present = pod.spec.volumes.as_deref().unwrap_or_default();
    let missing: Vec<_> =
        needed(settings).filter(|added| !present.iter().any(|volume| *volume.name == *added.name)).collect();
    builder.append(format_args!("/spec/volumes"), pod.spec.volumes.is_some(), &missing);
}

fn needed<'a>(settings: &Settings<'a>) -> impl Iterator<Item = AddedVolume<'a>> {
    let sidecar = settings.has_sidecar();
    let configs = settings.sources.value.documents().map(|kind| DownwardItem {
        path: kind.config_name(),
        field_ref: FieldRef { field_path: Annotation(kind.annotation()) },
    });
    let configs: Vec<_> = configs.collect();
    let roots = settings.sidecar.ca_bundle.filter(|_| sidecar).map(|bundle| {
        let item = KeyItem { key: bundle.value.key, path: CA_NAME };
        VolumeSource::ConfigMap { name: bundle.value.config_map, items: [item] }
    });
    let sources = [
        (TOKEN_VOLUME, sidecar.then_some(VolumeSource::EmptyDir { medium: "Memory", size_limit: "1Mi" })),
        (CONFIG_VOLUME, (!configs.is_empty()).then_some(VolumeSource::DownwardApi { items: configs })),
        (AWS_TOKEN_VOLUME, settings.aws.as_ref().map(aws_token)),
        (
            IDENTITY_VOLUME,
            (settings.identity.value == Identity::Kubernetes).then(|| identity_token(settings)),
        ),
        (CA_VOLUME, roots),
    ];
    let add =
        |(volume, source): (VolumeMount, Option<_>)| Some(AddedVolume { name: volume.name, source: source? });
    sources.into_iter().filter_map(add)
}

/// Returns the volume of the token that AWS STS, or EKS's agent, exchanges for credentials.
fn aws_token<'a>(aws: &Aws<'a>) -> VolumeSource<'a> {
    projected(ServiceAccountToken {
        audience: Cow::Borrowed(aws.audience.value),
        expiration_seconds: aws.token_lifetime.value,
        path: AWS_TOKEN_NAME,
    })
}

/// Lifetime in seconds of the token that is itself the subject token. The kubelet renews it after 80 % of the lifetime.
const IDENTITY_TOKEN_LIFETIME: u32 = 3600;

/// Returns the volume of the token that Google accepts directly.
fn identity_token<'a>(settings: &Settings<'a>) -> VolumeSource<'a> {
    let google = &settings.google;
    projected(ServiceAccountToken {
        audience: Cow::Owned(token_audience(google.universe.value, google.provider.value.as_str())),
        expiration_seconds: IDENTITY_TOKEN_LIFETIME,
        path: IDENTITY_TOKEN_NAME,
    })
}

fn projected(token: ServiceAccountToken<'_>) -> VolumeSource<'_> {
    VolumeSource::Projected { sources: [ProjectedSource { service_account_token: token }] }
}
