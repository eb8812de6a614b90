//! Rolebridge's volumes in the pod, and their mounts.

use std::borrow::Cow;
use std::fmt;

use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::google::token_audience;
use rolebridge_core::identity::Identity;
use rolebridge_core::pod_names::{
    AWS_TOKEN_NAME, AWS_TOKEN_VOLUME, CA_NAME, CA_VOLUME, CONFIG_VOLUME, IDENTITY_TOKEN_NAME,
    IDENTITY_VOLUME, TOKEN_VOLUME, VolumeMount,
};
use serde::{Serialize, Serializer};

use super::builder::PatchBuilder;
use crate::quantity::Quantity;
use crate::reinvocation::ConfigCarrier;
use crate::settings::{Aws, Settings};
use crate::view::{self, Pod};

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

    /// Returns true if a cleaned path is that of this mount.
    pub(super) fn is_at(&self, path: &str) -> bool {
        path == self.path
    }

    /// Returns true if the container's mount is this one.
    pub(super) fn is_equal(&self, mount: &view::Mount<'_>) -> bool {
        *mount.name == *self.name
            && *mount.path == *self.path
            && mount.read_only.unwrap_or_default() == self.read_only
            && !mount.is_partial()
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
    EmptyDir(EmptyDir),
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

/// A folder in memory. Its files count to the memory limits of the containers that write them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EmptyDir {
    medium: &'static str,
    size_limit: ByteSize,
}

impl EmptyDir {
    const fn in_memory(size_limit: ByteSize) -> Self {
        Self { medium: "Memory", size_limit }
    }
}

/// A number of bytes, serialized in Ki or Mi as the API server writes it.
#[derive(Clone, Copy)]
struct ByteSize(u32);

/// The limit of the token volume: the token, the outputs and a copy of one of them during its replacement.
const TOKEN_VOLUME_SIZE: ByteSize = ByteSize(1 << 20);
/// The limit of the configuration volume: two documents of a page for each account, and a copy during a replacement.
const CONFIG_VOLUME_SIZE: ByteSize = ByteSize(64 << 10);

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 >> 20 {
            0 => serializer.collect_str(&format_args!("{}Ki", self.0 >> 10)),
            mebibytes => serializer.collect_str(&format_args!("{mebibytes}Mi")),
        }
    }
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

impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metadata.annotations['{}']", self.0)
    }
}

impl Serialize for Annotation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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

/// Adds the missing volumes, and replaces those of an earlier admission that have another source. Returns the names of
/// those.
pub(super) fn add(
    builder: &mut PatchBuilder,
    pod: &Pod<'_>,
    settings: &Settings<'_>,
    carrier: ConfigCarrier,
) -> Vec<&'static str> {
    let present = pod.spec.volumes.as_deref().unwrap_or_default();
    let (mut missing, mut replaced) = (Vec::new(), Vec::new());
    for added in needed(settings, carrier) {
        match present.iter().position(|volume| *volume.name == *added.name) {
            None => missing.push(added),
            Some(index) if added.source.is_source_of(&present[index]) => {}
            Some(index) => {
                builder.replace(("/spec/volumes/", index), &added);
                replaced.push(added.name);
            }
        }
    }
    builder.append("/spec/volumes", pod.spec.volumes.is_some(), &missing);
    replaced
}

/// Returns true if the pod has every needed volume.
pub(super) fn are_complete(pod: &Pod<'_>, settings: &Settings<'_>, carrier: ConfigCarrier) -> bool {
    let present = pod.spec.volumes.as_deref().unwrap_or_default();
    needed(settings, carrier).all(|added| {
        present.iter().any(|volume| *volume.name == *added.name && added.source.is_source_of(volume))
    })
}

impl VolumeSource<'_> {
    /// Returns true if the volume has this source. Fields that the API server sets to a default are ignored.
    fn is_source_of(&self, volume: &view::Volume<'_>) -> bool {
        match self {
            Self::EmptyDir(EmptyDir { size_limit, .. }) => volume.empty_dir.as_ref().is_some_and(|found| {
                found.is_in_memory() && found.size_limit == Some(Quantity::units(size_limit.0.into()))
            }),
            Self::DownwardApi { items } => volume.downward_items().is_some_and(|found| {
                found.len() == items.len()
                    && items.iter().zip(found).all(|(item, found)| {
                        item.path == &*found.path
                            && found.field() == Some(&*item.field_ref.field_path.to_string())
                    })
            }),
            Self::Projected { sources: [ProjectedSource { service_account_token: token }] } => {
                volume.token().is_some_and(|found| {
                    found.audience.as_deref() == Some(&*token.audience)
                        && found.expiration_seconds == Some(token.expiration_seconds.into())
                        && *found.path == *token.path
                })
            }
            Self::ConfigMap { name, items: [KeyItem { key, path }] } => {
                volume.config_map.as_ref().is_some_and(|found| {
                    let is_item = |item: &view::KeyItem<'_>| *item.key == **key && *item.path == **path;
                    *found.name == **name && found.item().is_some_and(is_item)
                })
            }
        }
    }
}

fn needed<'a>(settings: &Settings<'a>, carrier: ConfigCarrier) -> impl Iterator<Item = AddedVolume<'a>> {
    let sidecar = settings.has_sidecar() || carrier == ConfigCarrier::Sidecar;
    let roots = settings.sidecar.ca_bundle.filter(|_| sidecar).map(|bundle| {
        let item = KeyItem { key: bundle.value.key, path: CA_NAME };
        VolumeSource::ConfigMap { name: bundle.value.config_map, items: [item] }
    });
    let sources = [
        (TOKEN_VOLUME, sidecar.then_some(VolumeSource::EmptyDir(EmptyDir::in_memory(TOKEN_VOLUME_SIZE)))),
        (CONFIG_VOLUME, configs(settings, carrier)),
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

/// Returns the source of the volume of the configurations, if the pod has any.
fn configs(settings: &Settings<'_>, carrier: ConfigCarrier) -> Option<VolumeSource<'static>> {
    let mut documents = settings.sources.value.documents().peekable();
    documents.peek()?;
    let items = |kind: ConfigKind| {
        settings.google.accounts().filter_map(move |(account, _)| {
            let field_ref = FieldRef { field_path: Annotation(kind.annotation(account)?) };
            Some(DownwardItem { path: kind.config_name(account), field_ref })
        })
    };
    Some(match carrier {
        ConfigCarrier::Sidecar => VolumeSource::EmptyDir(EmptyDir::in_memory(CONFIG_VOLUME_SIZE)),
        ConfigCarrier::Annotations => {
            VolumeSource::DownwardApi { items: documents.flat_map(items).collect() }
        }
    })
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
        audience: Cow::Owned(token_audience(google.provider.value.as_str())),
        expiration_seconds: IDENTITY_TOKEN_LIFETIME,
        path: IDENTITY_TOKEN_NAME,
    })
}

fn projected(token: ServiceAccountToken<'_>) -> VolumeSource<'_> {
    VolumeSource::Projected { sources: [ProjectedSource { service_account_token: token }] }
}
