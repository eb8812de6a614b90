//! Bodies that record the progress of their request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use crate::http::slot_pool::RequestInProgress;
use crate::http::slots::Progress;

/// Body of a request. The webhook is answering when the body has arrived or is no longer wanted.
#[derive(Debug)]
pub(super) struct RequestBody {
    incoming: Incoming,
    request: Arc<RequestInProgress>,
}

impl RequestBody {
    pub(super) const fn new(incoming: Incoming, request: Arc<RequestInProgress>) -> Self {
        Self { incoming, request }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.incoming).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.request.set_progress(Progress::Answering);
    }
}

/// Body of a response. The request ends when the last byte is sent: a stream or connection keeps the bytes of the body
/// until then, longer than the body itself.
#[derive(Debug)]
pub(super) struct ResponseBody {
    body: Body,
    request: Arc<RequestInProgress>,
}

impl ResponseBody {
    pub(super) fn new(body: Body, request: Arc<RequestInProgress>) -> Self {
        request.set_progress(Progress::AwaitsClient);
        Self { body, request }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let request = &self.request;
        let track = |bytes| Bytes::from_owner(TrackedBytes { bytes, _request: Arc::clone(request) });
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(track))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

struct TrackedBytes {
    bytes: Bytes,
    _request: Arc<RequestInProgress>,
}

impl AsRef<[u8]> for TrackedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
