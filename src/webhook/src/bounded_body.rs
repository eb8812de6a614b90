//! Responses of the API server, read with a limit of bytes: tenants choose the sizes of their objects.

use http_body_util::BodyExt;
use kube::client::Body;
use kube::core::Status;
use kube::{Client, Error, Result};

/// Maximum size of an error's body.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// Memory of a body while it grows, as a fraction of its maximum: a half that is moved, and all of it.
#[cfg(test)]
pub(crate) const GROWTH: (usize, usize) = (3, 2);

/// A response body, of which a part has been read.
#[derive(Debug)]
pub(crate) struct BoundedBody {
    body: Body,
    text: Vec<u8>,
    /// A received part of the body that exceeds the last limit.
    pending: Option<axum::body::Bytes>,
}

impl BoundedBody {
    /// Sends a request. Returns the body of the response, unread.
    ///
    /// # Errors
    ///
    /// Returns an error if the request fails, and the API server's [`Status`] if it does not succeed.
    pub(crate) async fn request(client: &Client, request: axum::http::Request<Vec<u8>>) -> Result<Self> {
        let response = client.send(request.map(Body::from)).await?;
        let status = response.status();
        let mut body = Self { body: response.into_body(), text: Vec::new(), pending: None };
        if status.is_success() {
            return Ok(body);
        }
        body.read(MAX_ERROR_BYTES).await?;
        let from_proxy = || Status::failure(&status.to_string(), "").with_code(status.as_u16());
        let status = serde_json::from_slice(&body.text).unwrap_or_else(|_| from_proxy());
        Err(Error::Api(Box::new(status)))
    }

    /// Reads on. Returns false as soon as the body exceeds `max_bytes`, and true at its end.
    pub(crate) async fn read(&mut self, max_bytes: usize) -> Result<bool> {
        loop {
            let data = match self.pending.take() {
                Some(data) => data,
                None => match self.body.frame().await {
                    Some(frame) => {
                        match frame.map_err(|error| Error::Service(Box::new(error)))?.into_data() {
                            Ok(data) => data,
                            Err(_) => continue,
                        }
                    }
                    None => return Ok(true),
                },
            };
            if self.text.len() + data.len() > max_bytes {
                self.pending = Some(data);
                return Ok(false);
            }
            self.reserve(data.len(), max_bytes);
            self.text.extend_from_slice(&data);
        }
    }

    /// Makes room for more bytes. It doubles the capacity like `Vec`, but at half of the maximum it takes all of it. While the
    /// text is moved, both take one and a half of the maximum, and not three times as much.
    fn reserve(&mut self, more: usize, max_bytes: usize) {
        let (length, capacity) = (self.text.len(), self.text.capacity());
        if length + more > capacity {
            let doubled = (2 * capacity).max(length + more);
            let target = if doubled > max_bytes / 2 { max_bytes } else { doubled };
            self.text.reserve_exact(target - length);
        }
    }

    /// Returns what has been read.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::small_parts(1000)]
    #[case::large_parts(300_000)]
    fn body_grows_to_its_maximum_without_twice_the_memory(#[case] part: usize) {
        const MAX: usize = 1 << 20;
        let mut body = BoundedBody { body: Body::from(vec![b'x'; MAX + 1]), text: Vec::new(), pending: None };
        let mut moved = 0;
        while body.text.len() + part <= MAX {
            let before = body.text.capacity();
            body.reserve(part, MAX);
            body.text.resize(body.text.len() + part, b'x');
            let after = body.text.capacity();
            if after > before {
                moved = moved.max(before + after);
            }
        }
        assert_eq!(body.text.capacity(), MAX);
        assert!(moved <= MAX * GROWTH.0 / GROWTH.1, "{moved}");
    }
}
