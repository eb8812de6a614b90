//! A volume: its name, and what tells one of ours from another of its name.

use serde::Deserialize;

use super::BorrowedStr;

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

/// A file that shows a field of the pod.
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
    /// The files of a volume of the downward API.
    pub(crate) fn downward_items(&self) -> Option<&[DownwardItem<'a>]> {
        self.downward.as_ref()?.items.as_deref()
    }

    /// Where a volume has a token of the pod's service account, and nothing else.
    pub(crate) fn token_path(&self) -> Option<&str> {
        let [source] = self.projected.as_ref()?.sources.as_deref()? else { return None };
        source.service_account_token.as_ref()?.path.as_deref()
    }
}

impl DownwardItem<'_> {
    /// The path of the field.
    pub(crate) fn field(&self) -> Option<&str> {
        self.field_ref.as_ref()?.field_path.as_deref()
    }
}
