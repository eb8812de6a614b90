//! The received part of a request body.

use bytes::Bytes;

/// The received part of a request body. Most bodies arrive in one frame, which is not copied.
#[derive(Debug, Default)]
pub(super) struct PartialBody {
    first: Bytes,
    joined: Vec<u8>,
}

impl PartialBody {
    /// Returns the number of received bytes.
    pub(super) const fn len(&self) -> usize {
        if self.joined.is_empty() { self.first.len() } else { self.joined.len() }
    }

    /// Appends a frame. `expected` is the length that the client has declared.
    pub(super) fn push(&mut self, data: Bytes, expected: usize) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.joined.is_empty() {
            // Memory that no byte has been written to is not resident.
            self.joined.reserve_exact(expected.max(self.first.len() + data.len()));
            self.joined.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.joined.extend_from_slice(&data);
    }

    /// Returns the whole body.
    pub(super) fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.into() }
    }
}
