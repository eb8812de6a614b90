//! The state of the handlers.

use tokio::sync::Semaphore;

use super::tree::{Instance, MetadataEntry};
use crate::google::TokenProvider;
use crate::shared_state::Reader;
use crate::token_cache::TokenCache;

/// Maximum number of requests that wait for a change. Each holds one of the server's connections.
pub(super) const MAX_WATCHERS: usize = 16;

/// The state of the handlers.
#[derive(Debug)]
pub struct GceMetadataServer<P> {
    pub(super) root: MetadataEntry,
    pub(super) tokens: TokenCache<P>,
    pub(super) state: Reader,
    /// True if there is a service account, and so ID tokens.
    pub(super) impersonates: bool,
    pub(super) watchers: Semaphore,
}

impl<P: TokenProvider> GceMetadataServer<P> {
    /// Creates a server for the values of `instance` and its tokens. `state` has the error while there is no token.
    #[must_use]
    pub fn new(instance: &Instance, tokens: TokenCache<P>, state: Reader) -> Self {
        let root = instance.tree();
        let impersonates = instance.impersonates();
        Self { root, tokens, state, impersonates, watchers: Semaphore::new(MAX_WATCHERS) }
    }
}
