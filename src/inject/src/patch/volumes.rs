//! The pod's volumes of ours, and mounts of them.

use rolebridge_contract::pod::{
    AWS_TOKEN_NAME, AWS_TOKEN_VOLUME, CA_NAME, CA_VOLUME, CONFIG_VOLUME, TOKEN_VOLUME, Volume,
};
use serde::{Serialize, Serializer};

use super::operations::Operations;
use crate::{Pod, Settings};

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
    pub(super) const fn read_only(Volume { name, path }: Volume) -> Self {
        Self { name, path, read_only: true }
    }

    pub(super) const fn writable(Volume { name, path }: Volume) -> Self {
        Self { name, path, read_only: false }
    }
}

/// A volume to add.
#[derive(Serialize)]
struct Added<'a> {
    name: &'static str,
    #[serde(flatten)]
    kind: Kind<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Kind<'a> {
    EmptyDir {
        medium: &'static str,
        #[serde(rename = "sizeLimit")]
        size_limit: &'static str,
    },
    #[serde(rename = "downwardAPI")]
    DownwardApi {
        items: Vec<DownwardItem>,
    },
    /// Its `defaultMode` stays 0644: the kubelet tightens it where the pod has one user or an `fsGroup`.
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

/// The path of an annotation in the pod.
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
    audience: &'a str,
    expiration_seconds: u32,
    path: &'static str,
}

#[derive(Serialize)]
struct KeyItem<'a> {
    key: &'a str,
    path: &'static str,
}

/// Adds the volumes that the pod lacks.
pub(super) fn add(operations: &mut Operations, pod: &Pod<'_>, settings: &Settings<'_>) {
    let present = pod.spec.volumes.as_deref().unwrap_or_default();
    let missing: Vec<_> =
        wanted(settings).filter(|ours| !present.iter().any(|volume| *volume.name == *ours.name)).collect();
    operations.append(format_args!("/spec/volumes"), pod.spec.volumes.is_some(), &missing);
}

fn wanted<'a>(settings: &Settings<'a>) -> impl Iterator<Item = Added<'a>> {
    let documents = settings.sources.value.in_use();
    let items = documents.map(|source| DownwardItem {
        path: source.config_name(),
        field_ref: FieldRef { field_path: Annotation(source.annotation()) },
    });
    let token = ServiceAccountToken {
        audience: settings.aws.audience.value,
        expiration_seconds: settings.aws.token_lifetime.value,
        path: AWS_TOKEN_NAME,
    };
    let always = [
        (TOKEN_VOLUME, Kind::EmptyDir { medium: "Memory", size_limit: "1Mi" }),
        (CONFIG_VOLUME, Kind::DownwardApi { items: items.collect() }),
        (AWS_TOKEN_VOLUME, Kind::Projected { sources: [ProjectedSource { service_account_token: token }] }),
    ];
    let roots = settings.sidecar.ca_bundle.map(|bundle| {
        let item = KeyItem { key: bundle.value.key, path: CA_NAME };
        (CA_VOLUME, Kind::ConfigMap { name: bundle.value.config_map, items: [item] })
    });
    always.into_iter().chain(roots).map(|(volume, kind)| Added { name: volume.name, kind })
}
