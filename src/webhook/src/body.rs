//! A request's body, taken in once, whole, within limits.
//!
//! The memory of all bodies together is bounded, not only that of each: a client is charged for the bytes that it has
//! sent, when it sends them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body as HttpBody, HttpBody as _};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::review::ReviewError;

/// An object of the API has at most 3 MiB, and a review may hold it twice.
const LIMIT: usize = 8 << 20;
/// What all bodies may take up at a time.
const TOTAL: usize = 64 << 20;
/// How much of a body that is refused is read and thrown away: a client that is still sending reads no answer.
const DISCARDED: usize = 32 << 20;

/// Takes bodies in.
#[derive(Debug)]
pub struct Intake {
    /// The most bytes of one body.
    limit: usize,
    /// How long one body may take.
    patience: Duration,
    /// How many bytes may still be taken in now.
    free: AtomicUsize,
}

/// A body. It is charged for until it is dropped.
#[derive(Debug)]
pub struct Body<'a> {
    bytes: Bytes,
    _charge: Charge<'a>,
}

impl Body<'_> {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a request got no review's answer.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// It does not even say that it is JSON.
    #[error("The content type is {0}; application/json would be right.")]
    ContentType(String),
    /// It is larger than any review.
    #[error("The body is larger than {0} bytes, which no AdmissionReview is.")]
    TooLarge(usize),
    /// It came too slowly.
    #[error("The body had not arrived after {0:?}.")]
    TooSlow(Duration),
    /// Too much is being taken in.
    #[error("Too many reviews are being read at a time. Try again.")]
    Overloaded,
    /// The client went away, or broke the protocol.
    #[error("The body broke off: {0}.")]
    Torn(axum::Error),
    /// It is not a review that can be answered.
    #[error(transparent)]
    Review(#[from] ReviewError),
}

impl Rejection {
    /// The status that the client gets.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Torn(_) | Self::Review(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        (self.status(), format!("{self}\n")).into_response()
    }
}

impl Intake {
    /// Takes bodies of reviews, each within `patience`.
    #[must_use]
    pub const fn of_reviews(patience: Duration) -> Self {
        Self::new(LIMIT, patience, TOTAL)
    }

    /// Takes bodies of at most `limit` bytes, each within `patience`, all that are held at a time within `total` bytes.
    #[must_use]
    pub const fn new(limit: usize, patience: Duration, total: usize) -> Self {
        Self { limit, patience, free: AtomicUsize::new(total) }
    }

    /// Takes in a request's body.
    ///
    /// # Errors
    ///
    /// It is not said to be JSON, or a limit is passed.
    pub async fn take(&self, request: Request) -> Result<Body<'_>, Rejection> {
        let (head, mut body) = request.into_parts();
        let taking = async {
            let refusal = match head.headers.get(CONTENT_TYPE) {
                Some(kind) if is_json(kind.as_bytes()) => match self.collect(&mut body).await {
                    Ok(body) => return Ok(body),
                    Err(refusal) => refusal,
                },
                Some(kind) => Rejection::ContentType(format!("{kind:?}")),
                None => Rejection::ContentType("missing".to_owned()),
            };
            let announced =
                head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
            if announced.is_none_or(|length: usize| length <= DISCARDED) {
                discard(&mut body).await;
            }
            Err(refusal)
        };
        timeout(self.patience, taking).await.unwrap_or(Err(Rejection::TooSlow(self.patience)))
    }

    async fn collect(&self, body: &mut HttpBody) -> Result<Body<'_>, Rejection> {
        let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if expected > self.limit {
            return Err(Rejection::TooLarge(self.limit));
        }
        let mut charge = Charge { intake: self, bytes: 0 };
        let mut first = Bytes::new();
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(Rejection::Torn)?.into_data() else { continue };
            charge.add(data.len())?;
            if charge.bytes == data.len() {
                first = data;
                continue;
            }
            if whole.is_empty() {
                whole.reserve_exact(expected.max(charge.bytes));
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
        let bytes = if whole.is_empty() { first } else { whole.into() };
        Ok(Body { bytes, _charge: charge })
    }
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

async fn discard(body: &mut HttpBody) {
    let mut left = DISCARDED;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// Bytes that were taken out of an intake's budget, and go back when dropped.
#[derive(Debug)]
struct Charge<'a> {
    intake: &'a Intake,
    bytes: usize,
}

impl Charge<'_> {
    fn add(&mut self, more: usize) -> Result<(), Rejection> {
        if self.bytes + more > self.intake.limit {
            return Err(Rejection::TooLarge(self.intake.limit));
        }
        let take = |free: usize| free.checked_sub(more);
        let taken = self.intake.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map_err(|_| Rejection::Overloaded)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        self.intake.free.fetch_add(self.bytes, Ordering::Relaxed);
    }
}
