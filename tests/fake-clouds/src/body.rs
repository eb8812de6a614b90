//! Response bodies, complete or truncated.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};

/// A complete body, or one that breaks off before its announced length.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    content_length: u64,
    remaining: Option<Bytes>,
    trailers: Option<HeaderMap>,
    ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Complete,
    Flush,
    Reset,
}

impl ResponseBody {
    pub(crate) fn complete(body: Bytes) -> Self {
        Self {
            content_length: body.len() as u64,
            remaining: Some(body),
            trailers: None,
            ending: Ending::Complete,
        }
    }

    pub(crate) fn with_trailers(self, trailers: Option<HeaderMap>) -> Self {
        Self { trailers, ..self }
    }

    pub(crate) fn truncated(body: &Bytes) -> Self {
        Self {
            ending: Ending::Flush,
            content_length: body.len() as u64,
            ..Self::complete(body.slice(..body.len() / 2))
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.remaining.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.ending {
            Ending::Complete => {
                Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
            }
            Ending::Flush => {
                // Yields once, so that the first half is sent before the connection closes.
                self.ending = Ending::Reset;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Ending::Reset => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ending == Ending::Complete
            && self.trailers.is_none()
            && self.remaining.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        // Called once, before the first frame.
        SizeHint::with_exact(self.content_length)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn trailers_follow_complete_body() {
        let trailers = HeaderMap::from_iter([(header::AGE, HeaderValue::from(1))]);
        for body in ["", "all"] {
            let complete = ResponseBody::complete(body.into()).with_trailers(Some(trailers.clone()));
            assert!(!complete.is_end_stream(), "{body}");
            let collected = complete.collect().await.unwrap();
            assert_eq!(
                (collected.trailers().cloned(), collected.to_bytes()),
                (Some(trailers.clone()), body.into())
            );
        }
        assert!(ResponseBody::complete("".into()).is_end_stream());
        assert!(ResponseBody::truncated(&"body".into()).collect().await.is_err());
    }
}
