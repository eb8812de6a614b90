//! An AdmissionReview as kube-apiserver sends it, read in one pass over its bytes.
//!
//! The object is decoded in the same pass, straight into what the caller wants of it: no tree of the whole is built.

use std::str::Utf8Error;

use rolebridge_inject::view::BorrowedStr;
use serde::Deserialize;
use serde_json::value::RawValue;

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// What a review asks.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a, T: Deserialize<'de>"))]
pub struct Request<'a, T> {
    /// As it stands, quotes and all: it is only ever repeated.
    #[serde(borrow)]
    pub uid: &'a RawValue,
    /// What the object is.
    #[serde(borrow)]
    pub kind: Kind<'a>,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    #[serde(borrow)]
    pub operation: BorrowedStr<'a>,
    /// The object's namespace. The object itself may not name it yet.
    #[serde(borrow, default)]
    pub namespace: BorrowedStr<'a>,
    /// Whether nothing will be stored.
    #[serde(default)]
    pub dry_run: bool,
    /// What is created; absent in a deletion.
    pub object: Option<T>,
}

/// What an object is.
#[derive(Debug, Deserialize)]
pub struct Kind<'a> {
    /// Empty for the core group.
    #[serde(borrow, default)]
    pub group: BorrowedStr<'a>,
    /// Such as `Pod`.
    #[serde(borrow)]
    pub kind: BorrowedStr<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a, T: Deserialize<'de>"))]
struct Review<'a, T> {
    #[serde(borrow, default)]
    api_version: BorrowedStr<'a>,
    #[serde(borrow, default)]
    kind: BorrowedStr<'a>,
    #[serde(borrow)]
    request: Option<Request<'a, T>>,
}

/// Why a body is no review that can be answered.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// Not text.
    #[error("The body is not UTF-8: {0}.")]
    Encoding(Utf8Error),
    /// Not JSON, or cut off.
    #[error("The body is not JSON: {0}.")]
    Syntax(serde_json::Error),
    /// JSON of another shape.
    #[error("The body is not an AdmissionReview with the object that this path takes: {0}.")]
    Shape(serde_json::Error),
    /// Something else than a review, or of another version.
    #[error(
        "The body has the kind {kind:?} and the apiVersion {api_version:?}; {KIND:?} and {API_VERSION:?} would be right."
    )]
    Type {
        /// What it says to be.
        kind: String,
        /// And of which version.
        api_version: String,
    },
    /// A review without a question: perhaps an answer.
    #[error("The AdmissionReview has no request.")]
    NoRequest,
    /// A creation of nothing.
    #[error("The request creates something, but holds no object.")]
    NoObject,
    /// Something that the path does not take.
    #[error("The request is about a {kind:?} of the group {group:?}; {right:?} would be right on this path.")]
    Kind {
        /// The group, empty for the core group.
        group: String,
        /// The kind.
        kind: String,
        /// The kind that the path takes.
        right: &'static str,
    },
    /// An answer could not be told from others.
    #[error("The request's uid is not a string.")]
    Uid,
}

impl Kind<'_> {
    /// Refuses all but one kind of a group.
    ///
    /// # Errors
    ///
    /// It is another one.
    pub fn expect(&self, group: &str, kind: &'static str) -> Result<(), ReviewError> {
        if &*self.group == group && &*self.kind == kind {
            return Ok(());
        }
        Err(ReviewError::Kind { group: self.group.to_string(), kind: self.kind.to_string(), right: kind })
    }
}

impl From<serde_json::Error> for ReviewError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() { Self::Shape(error) } else { Self::Syntax(error) }
    }
}

/// Reads a review whose object is read as a `T`.
///
/// # Errors
///
/// The body is not a review of `admission.k8s.io/v1`, or its object is not a `T`.
pub fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Request<'a, T>, ReviewError> {
    // Checked once as a whole, which is faster than string by string.
    let text = str::from_utf8(body).map_err(ReviewError::Encoding)?;
    let review: Review<'a, T> = serde_json::from_str(text)?;
    if (&*review.api_version, &*review.kind) != (API_VERSION, KIND) {
        return Err(ReviewError::Type {
            kind: review.kind.to_string(),
            api_version: review.api_version.to_string(),
        });
    }
    let request = review.request.ok_or(ReviewError::NoRequest)?;
    if request.uid.get().starts_with('"') { Ok(request) } else { Err(ReviewError::Uid) }
}
