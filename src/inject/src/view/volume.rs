//! A volume: its name, the sources that Rolebridge's volumes have, to compare them with those that it needs, and whether a
//! container can write to it.

use serde::Deserialize;

use super::borrowed_str::BorrowedStr;
use super::bounded::{self, MAX_FILES};
use super::present::Present;
use super::volume_name::VolumeName;
use crate::quantity::Quantity;

/// Size of the largest source or file of a volume.
pub(super) const MAX_FILE_BYTES: usize = {
    let (source, item, key) =
        (size_of::<ProjectedSource<'_>>(), size_of::<DownwardItem<'_>>(), size_of::<KeyItem<'_>>());
    let larger = if item > key { item } else { key };
    if source > larger { source } else { larger }
};

/// A volume of the pod. A volume with another kind of source has none of these.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Volume<'a> {
    #[serde(borrow, default)]
    pub(crate) name: VolumeName<'a>,
    #[serde(borrow)]
    pub(crate) empty_dir: Option<EmptyDir<'a>>,
    #[serde(borrow, rename = "downwardAPI")]
    downward: Option<Downward<'a>>,
    #[serde(borrow)]
    projected: Option<Projected<'a>>,
    #[serde(borrow)]
    pub(crate) config_map: Option<ConfigMap<'a>>,
    #[serde(borrow)]
    secret: Option<Secret<'a>>,
    image: Option<Present>,
    csi: Option<MaybeReadOnly>,
    persistent_volume_claim: Option<MaybeReadOnly>,
    nfs: Option<MaybeReadOnly>,
    aws_elastic_block_store: Option<MaybeReadOnly>,
}

#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secret<'a> {
    #[serde(borrow)]
    secret_name: Option<BorrowedStr<'a>>,
}

/// A source that is read-only only if it says so.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MaybeReadOnly {
    read_only: Option<bool>,
}

/// A folder that lives as long as the pod.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EmptyDir<'a> {
    #[serde(borrow)]
    medium: Option<BorrowedStr<'a>>,
    pub(crate) size_limit: Option<Quantity>,
}

#[derive(Debug, Clone, Hash, Deserialize)]
struct Downward<'a> {
    #[serde(borrow, default, deserialize_with = "bounded::deserialize::<_, _, MAX_FILES>")]
    items: Option<Vec<DownwardItem<'a>>>,
}

/// A file with the value of a field of the pod.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DownwardItem<'a> {
    #[serde(borrow, default)]
    pub(crate) path: BorrowedStr<'a>,
    #[serde(borrow)]
    field_ref: Option<FieldRef<'a>>,
}

#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FieldRef<'a> {
    #[serde(borrow)]
    field_path: Option<BorrowedStr<'a>>,
}

#[derive(Debug, Clone, Hash, Deserialize)]
struct Projected<'a> {
    #[serde(borrow, default, deserialize_with = "bounded::deserialize::<_, _, MAX_FILES>")]
    sources: Option<Vec<ProjectedSource<'a>>>,
}

#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProjectedSource<'a> {
    #[serde(borrow)]
    service_account_token: Option<Token<'a>>,
}

/// A projected service account token.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Token<'a> {
    #[serde(borrow)]
    pub(crate) audience: Option<BorrowedStr<'a>>,
    pub(crate) expiration_seconds: Option<i64>,
    #[serde(borrow, default)]
    pub(crate) path: BorrowedStr<'a>,
}

/// The files of a config map.
#[derive(Debug, Clone, Hash, Deserialize)]
pub(crate) struct ConfigMap<'a> {
    #[serde(borrow, default)]
    pub(crate) name: BorrowedStr<'a>,
    #[serde(borrow, default, deserialize_with = "bounded::deserialize::<_, _, MAX_FILES>")]
    items: Option<Vec<KeyItem<'a>>>,
}

/// A key of a config map and its file.
#[derive(Debug, Clone, Hash, Deserialize)]
pub(crate) struct KeyItem<'a> {
    #[serde(borrow, default)]
    pub(crate) key: BorrowedStr<'a>,
    #[serde(borrow, default)]
    pub(crate) path: BorrowedStr<'a>,
}

impl<'a> Volume<'a> {
    /// Returns the files of a downward API volume.
    pub(crate) fn downward_items(&self) -> Option<&[DownwardItem<'a>]> {
        self.downward.as_ref()?.items.as_deref()
    }

    /// Returns the name of the Secret that the volume contains.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.secret.as_ref()?.secret_name.as_deref()
    }

    /// Returns true if no container can write to the volume, whatever its mount says. The kubelet mounts the API's objects
    /// and images read-only.
    pub(crate) fn is_read_only(&self) -> bool {
        let sources = [&self.csi, &self.persistent_volume_claim, &self.nfs, &self.aws_elastic_block_store];
        let of_object = self.config_map.is_some() || self.downward.is_some() || self.projected.is_some();
        of_object
            || self.secret.is_some()
            || self.image.is_some()
            || sources.into_iter().flatten().any(|source| source.read_only.unwrap_or_default())
    }

    /// Returns the service account token, if the volume contains only that.
    pub(crate) fn token(&self) -> Option<&Token<'a>> {
        let [source] = self.projected.as_ref()?.sources.as_deref()? else { return None };
        source.service_account_token.as_ref()
    }
}

impl EmptyDir<'_> {
    pub(crate) fn is_in_memory(&self) -> bool {
        self.medium.as_deref() == Some("Memory")
    }
}

impl<'a> ConfigMap<'a> {
    /// Returns the file, if the volume contains only one.
    pub(crate) fn item(&self) -> Option<&KeyItem<'a>> {
        let [item] = self.items.as_deref()? else { return None };
        Some(item)
    }
}

impl DownwardItem<'_> {
    /// Returns the path of the field.
    pub(crate) fn field(&self) -> Option<&str> {
        self.field_ref.as_ref()?.field_path.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::config_map(r#""configMap":{"name":"c"}"#, true)]
    #[case::secret(r#""secret":{}"#, true)]
    #[case::downward(r#""downwardAPI":{}"#, true)]
    #[case::projected(r#""projected":{}"#, true)]
    #[case::image(r#""image":{"reference":"i"}"#, true)]
    #[case::csi(r#""csi":{"driver":"d","readOnly":true}"#, true)]
    #[case::writable_csi(r#""csi":{"driver":"d"}"#, false)]
    #[case::claim(r#""persistentVolumeClaim":{"claimName":"c","readOnly":true}"#, true)]
    #[case::writable_claim(r#""persistentVolumeClaim":{"claimName":"c","readOnly":false}"#, false)]
    #[case::nfs(r#""nfs":{"readOnly":true}"#, true)]
    #[case::host(r#""hostPath":{"path":"/var/run"}"#, false)]
    #[case::memory(r#""emptyDir":{}"#, false)]
    #[case::null(r#""configMap":null"#, false)]
    fn is_read_only_depends_on_the_source(#[case] source: &str, #[case] expected: bool) {
        let json = format!(r#"{{"name":"a",{source}}}"#);
        let volume: Volume<'_> = serde_json::from_str(&json).unwrap();
        assert_eq!(volume.is_read_only(), expected);
    }

    #[test]
    fn volume_keeps_few_of_its_files() {
        let files = vec!["{}"; 1000].join(",");
        let volume = |source: String| -> String { format!(r#"{{"name":"a",{source}}}"#) };
        let downward = volume(format!(r#""downwardAPI":{{"items":[{files}]}}"#));
        let downward: Volume<'_> = serde_json::from_str(&downward).unwrap();
        assert_eq!(downward.downward_items().map(<[_]>::len), Some(5));
        let projected = volume(format!(r#""projected":{{"sources":[{files}]}}"#));
        let projected: Volume<'_> = serde_json::from_str(&projected).unwrap();
        assert_eq!(projected.projected.unwrap().sources.unwrap().len(), 5);
    }
}
