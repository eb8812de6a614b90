//! A volume: its name, and the fields that distinguish Rolebridge's volumes from others of the same name.

use serde::Deserialize;

use super::borrowed_str::BorrowedStr;

/// A volume of the pod.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Volume<'a> {
    #[serde(borrow, default)]
    pub(crate) name: BorrowedStr<'a>,
    #[serde(borrow, rename = "downwardAPI")]
    downward: Option<Downward<'a>>,
    #[serde(borrow)]
    projected: Option<Projected<'a>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Downward<'a> {
    #[serde(borrow)]
    items: Option<Vec<DownwardItem<'a>>>,
}

/// A file with the value of a field of the pod.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DownwardItem<'a> {
    #[serde(borrow)]
    field_ref: Option<FieldRef<'a>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FieldRef<'a> {
    #[serde(borrow)]
    field_path: Option<BorrowedStr<'a>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Projected<'a> {
    #[serde(borrow)]
    sources: Option<Vec<ProjectedSource<'a>>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProjectedSource<'a> {
    #[serde(borrow)]
    service_account_token: Option<Token<'a>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Token<'a> {
    #[serde(borrow)]
    path: Option<BorrowedStr<'a>>,
}

impl<'a> Volume<'a> {
    /// Returns the files of a downward API volume.
    pub(crate) fn downward_items(&self) -> Option<&[DownwardItem<'a>]> {
        self.downward.as_ref()?.items.as_deref()
    }

    /// Returns the path of the service account token, if the volume contains only that.
    pub(crate) fn token_path(&self) -> Option<&str> {
        let [source] = self.projected.as_ref()?.sources.as_deref()? else { return None };
        source.service_account_token.as_ref()?.path.as_deref()
    }
}

impl DownwardItem<'_> {
    /// Returns the path of the field.
    pub(crate) fn field(&self) -> Option<&str> {
        self.field_ref.as_ref()?.field_path.as_deref()
    }
}
