//! Reads a request body once, completely, within limits.
//!
//! The memory of all reviews is bounded, not only that of each body. A request is charged for each byte when the byte
//! arrives, and a slow body gives way to others.

use std::time::Duration;

use axum::body::{Body as HttpBody, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use rolebridge_inject::Pod;
use rolebridge_inject::view::size::max_decoded_bytes;
use tokio::time::timeout;

use crate::admission::budget::{ArrivingBody, Budget, Charge, Exhausted, REQUEST_BYTES, WaitingCharge};
use crate::admission::review::ReviewError;

/// Maximum body size: an API object has at most 3 MiB, and a review may contain it twice.
const MAX_BODY_BYTES: usize = 8 << 20;
/// Maximum total size of all bodies and responses in memory. That is a thousand pods of 30 KiB at a time, where a review takes
/// milliseconds.
pub(crate) const MAX_TOTAL_BYTES: usize = 32 << 20;
/// Maximum size of a rejected body that is read and discarded: a client that is still sending reads no response.
const MAX_DISCARDED_BYTES: usize = 32 << 20;

/// Reader of request bodies with limits.
#[derive(Debug)]
pub struct BodyReader {
    /// Maximum size of one body.
    limit: usize,
    /// Deadline for one body.
    timeout: Duration,
    /// Memory of all reviews.
    budget: Budget,
}

/// A request body and its charge.
#[derive(Debug)]
pub struct Body {
    bytes: Bytes,
    charge: Charge,
}

impl Body {
    /// Returns the bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Charges the decoding of up to `pods` pods from `json`, which is the body or a part of it. Dropping it returns the charge.
    ///
    /// The largest pod that etcd stores has 1.5 MiB, with 170,000 values if most are managed fields. It is charged 15 MiB in
    /// addition to its body, and a pod of 3 MiB 18 MiB. So one is decoded at a time, in addition to small reviews.
    ///
    /// # Errors
    ///
    /// Returns an error if the budget is exhausted.
    pub fn charge_decoding(&self, json: &[u8], pods: usize) -> Result<Charge, Rejection> {
        Ok(self.charge.add(max_decoded_bytes(json, pods))?)
    }

    /// Charges memory that the review takes in addition to its body. Dropping it returns the charge.
    ///
    /// # Errors
    ///
    /// Returns an error if the budget is exhausted.
    pub fn charge(&self, bytes: usize) -> Result<Charge, Rejection> {
        Ok(self.charge.add(bytes)?)
    }

    /// Charges a review that begins to wait for a read, for the pod that it keeps. Returns `None` if reviews that wait have
    /// used up their share of the budget.
    #[must_use]
    pub fn wait_with(&self, pod: &Pod<'_>) -> Option<WaitingCharge> {
        self.charge.wait(pod.max_bytes(self.bytes.len())).ok()
    }

    /// Frees the body and charges its response instead.
    ///
    /// # Errors
    ///
    /// Returns an error if the budget is exhausted.
    pub fn into_response(self, response: String) -> Result<Bytes, Rejection> {
        let Self { bytes, mut charge } = self;
        drop(bytes);
        charge.resize(REQUEST_BYTES + response.capacity())?;
        Ok(charge.attach(response))
    }
}

/// Reason why a request is rejected before admission.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// The content type is not JSON.
    #[error("Content-Type: expected application/json, found {0}")]
    ContentType(String),
    /// The body exceeds the size limit.
    #[error("request body exceeds {0} bytes")]
    TooLarge(usize),
    /// The body did not arrive in time.
    #[error("request body did not arrive within {0:?}")]
    Timeout(Duration),
    /// The memory budget of all reviews is exhausted.
    #[error("too many reviews at the moment; try again")]
    Overloaded,
    /// The client closed the connection or violated the protocol.
    #[error("failed to read the request body: {0}")]
    Incomplete(axum::Error),
    /// The body is not a review that can be answered.
    #[error(transparent)]
    Review(#[from] ReviewError),
}

impl From<Exhausted> for Rejection {
    fn from(_: Exhausted) -> Self {
        Self::Overloaded
    }
}

impl Rejection {
    /// Returns the HTTP status for the client.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Incomplete(_) | Self::Review(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        (self.status(), format!("{self}\n")).into_response()
    }
}

impl BodyReader {
    /// Creates a reader with the limits for admission reviews.
    #[must_use]
    pub fn for_reviews(timeout: Duration) -> Self {
        Self::new(MAX_BODY_BYTES, timeout, MAX_TOTAL_BYTES)
    }

    /// Creates a reader: each body has at most `limit` bytes and arrives within `timeout`, and all requests, bodies and
    /// responses in memory have at most `total` bytes.
    #[must_use]
    pub fn new(limit: usize, timeout: Duration, total: usize) -> Self {
        Self { limit, timeout, budget: Budget::new(total) }
    }

    /// Returns the memory of all reviews.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// Returns an error if the content type is not JSON or a limit is exceeded.
    pub async fn read(&self, request: Request) -> Result<Body, Rejection> {
        let (head, mut body) = request.into_parts();
        let content_type = check_content_type(&head.headers);
        let declared_length =
            head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        // A head takes more memory than most of its request, and the body may be slow.
        drop(head);
        let arriving = self.budget.begin()?;
        let read = async {
            let collected = match content_type {
                Ok(()) => self.collect(&mut body, &arriving).await,
                Err(rejection) => Err(rejection),
            };
            if collected.is_err() {
                arriving.clear();
                if declared_length.is_none_or(|length: usize| length <= MAX_DISCARDED_BYTES) {
                    discard(&mut body).await;
                }
            }
            collected
        };
        tokio::select! {
            collected = timeout(self.timeout, read) => {
                collected.unwrap_or(Err(Rejection::Timeout(self.timeout)))?;
            }
            // Its memory belongs to another request already, so nothing more is read.
            () = arriving.evicted() => return Err(Rejection::Overloaded),
        }
        let (bytes, charge) = arriving.finish()?;
        Ok(Body { bytes, charge })
    }

    async fn collect(&self, body: &mut HttpBody, arriving: &ArrivingBody) -> Result<(), Rejection> {
        let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if expected > self.limit {
            return Err(Rejection::TooLarge(self.limit));
        }
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(Rejection::Incomplete)?.into_data() else { continue };
            length += data.len();
            if length > self.limit {
                return Err(Rejection::TooLarge(self.limit));
            }
            arriving.push(data, expected)?;
        }
        Ok(())
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Rejection> {
    match headers.get(CONTENT_TYPE) {
        Some(content_type) if is_json(content_type.as_bytes()) => Ok(()),
        Some(content_type) => Err(Rejection::ContentType(format!("{content_type:?}"))),
        None => Err(Rejection::ContentType("none".to_owned())),
    }
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

async fn discard(body: &mut HttpBody) {
    let mut remaining = MAX_DISCARDED_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match remaining.checked_sub(length) {
            Some(rest) => remaining = rest,
            None => return,
        }
    }
}
