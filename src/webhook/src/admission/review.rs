//! AdmissionReview as sent by kube-apiserver, decoded in one pass over its bytes.
//!
//! The object is decoded in the same pass, directly into the type that the caller needs. No JSON tree is built.

use std::str::Utf8Error;

use rolebridge_inject::view::BorrowedStr;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::compact_json;

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// An admission request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a, T: Deserialize<'de>"))]
pub struct Request<'a, T> {
    /// Request ID as raw JSON, including the quotes: it is only copied into the response.
    #[serde(borrow)]
    pub uid: &'a RawValue,
    /// Group and kind of the object.
    #[serde(borrow)]
    pub kind: GroupKind<'a>,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    #[serde(borrow)]
    pub operation: BorrowedStr<'a>,
    /// The object's namespace. The object itself may not have it set yet.
    #[serde(borrow, default)]
    pub namespace: BorrowedStr<'a>,
    /// True for a dry run.
    #[serde(default)]
    pub dry_run: bool,
    /// The new object; absent in a deletion.
    pub object: Option<T>,
}

/// Group and kind of an object.
#[derive(Debug, Deserialize)]
pub struct GroupKind<'a> {
    /// API group; empty for the core group.
    #[serde(borrow, default)]
    pub group: BorrowedStr<'a>,
    /// Kind, such as `Pod`.
    #[serde(borrow)]
    pub kind: BorrowedStr<'a>,
}

/// A review. It is compared with that of `serde_json` as its debug output.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a, T: Deserialize<'de>"))]
pub(super) struct Review<'a, T> {
    #[serde(borrow, default)]
    api_version: BorrowedStr<'a>,
    #[serde(borrow, default)]
    kind: BorrowedStr<'a>,
    #[serde(borrow)]
    request: Option<Request<'a, T>>,
}

/// Reason why a body is not a review that can be answered.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The body is not text.
    #[error("request body is not UTF-8: {0}")]
    Encoding(Utf8Error),
    /// The body is not JSON, or is truncated.
    #[error("request body is not JSON: {0}")]
    Syntax(serde_json::Error),
    /// The body is JSON of another shape.
    #[error("request body is not an AdmissionReview of an object that this path accepts: {0}")]
    Shape(serde_json::Error),
    /// The body is not an AdmissionReview, or of another version.
    #[error(
        "request body: expected kind {KIND:?} of apiVersion {API_VERSION:?}, found kind {kind:?} of apiVersion {api_version:?}"
    )]
    Type {
        /// Kind in the body.
        kind: String,
        /// API version in the body.
        api_version: String,
    },
    /// The review has no request: it may be a response.
    #[error("AdmissionReview has no request")]
    NoRequest,
    /// The request creates an object but contains none.
    #[error("CREATE request has no object")]
    NoObject,
    /// The path does not accept objects of this kind.
    #[error("kind of the request: expected {expected:?} on this path, found {kind:?} of group {group:?}")]
    Kind {
        /// Group; empty for the core group.
        group: String,
        /// Kind.
        kind: String,
        /// Kind that the path accepts.
        expected: &'static str,
    },
    /// The uid is not a string, so the API server could not match the response to the request.
    #[error("uid of the request is not a string")]
    Uid,
}

impl GroupKind<'_> {
    /// Checks that the object is of this group and kind.
    ///
    /// # Errors
    ///
    /// Returns an error if the object is of another group or kind.
    pub fn expect(&self, group: &str, kind: &'static str) -> Result<(), ReviewError> {
        if &*self.group == group && &*self.kind == kind {
            return Ok(());
        }
        Err(ReviewError::Kind { group: self.group.to_string(), kind: self.kind.to_string(), expected: kind })
    }
}

impl From<serde_json::Error> for ReviewError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() { Self::Shape(error) } else { Self::Syntax(error) }
    }
}

/// Decodes a review of a `T`.
///
/// # Errors
///
/// Returns an error if the body is not a review of `admission.k8s.io/v1` or its object is not a `T`.
pub fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Request<'a, T>, ReviewError> {
    // One check of the whole body is faster than a check of each string.
    let text = match simdutf8::basic::from_utf8(body) {
        Ok(text) => text,
        // This error says where.
        Err(_) => str::from_utf8(body).map_err(ReviewError::Encoding)?,
    };
    let review: Review<'a, T> = match compact_json::from_str(text) {
        Some(review) => review,
        None => serde_json::from_str(text)?,
    };
    if (&*review.api_version, &*review.kind) != (API_VERSION, KIND) {
        return Err(ReviewError::Type {
            kind: review.kind.to_string(),
            api_version: review.api_version.to_string(),
        });
    }
    let request = review.request.ok_or(ReviewError::NoRequest)?;
    if request.uid.get().starts_with('"') { Ok(request) } else { Err(ReviewError::Uid) }
}
