//! The state of the handlers.

use rolebridge_core::aws::RoleArn;

use super::session::SessionTokens;
use crate::clock::Clock;
use crate::shared_state::Reader;

/// The state of the handlers.
#[derive(Debug)]
pub struct ImdsServer {
    pub(super) state: Reader,
    pub(super) clock: Clock,
    pub(super) session_tokens: SessionTokens,
    pub(super) region: String,
    pub(super) role: String,
}

impl ImdsServer {
    /// Creates a server for a session of `role` in `region`.
    ///
    /// # Errors
    /// Returns an error if the system provides no random bytes.
    pub fn new(
        region: &str,
        role: &RoleArn,
        state: Reader,
        clock: Clock,
    ) -> Result<Self, ring::error::Unspecified> {
        Ok(Self {
            state,
            clock,
            session_tokens: SessionTokens::new()?,
            region: region.to_owned(),
            role: role.name().to_owned(),
        })
    }
}
