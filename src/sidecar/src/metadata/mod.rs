//! The metadata source: the local server answers as the GCE metadata server does, as far as Google's libraries ask.
//!
//! What it tells of an instance is made from the settings and stays the same for the life of the process; the tokens are
//! Google's, from [`crate::tokens`]. Everything asks for the header that no browser can be made to send.
//!
//! Source: "About VM metadata" and "Query VM metadata", Compute Engine documentation; what the libraries were read to ask
//! for, in Go, Java, Node, Python, C++ and Rust.

mod answer;
mod query;
mod tree;
mod watch;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use tokio::sync::Semaphore;

pub use self::tree::Instance;
use self::tree::Node;
use crate::board::Reader;
use crate::google::Mint;
use crate::metrics::Question;
use crate::tokens::Tokens;

/// Where everything lies.
const ROOT: &str = "/computeMetadata";
/// Requests that wait for a change at once. Each holds one of the local server's connections.
const MOST_WATCHERS: usize = 16;

/// What the answers are made of.
#[derive(Debug)]
pub struct Metadata<M> {
    root: Node,
    tokens: Tokens<M>,
    board: Reader,
    /// Whether there is a service account, and so ID tokens.
    impersonates: bool,
    watchers: Semaphore,
}

impl<M: Mint> Metadata<M> {
    /// What is told of `instance`, with its tokens. `board` says why there are none yet.
    #[must_use]
    pub fn new(instance: &Instance, tokens: Tokens<M>, board: Reader) -> Self {
        let root = instance.tree();
        let impersonates = instance.impersonates();
        Self { root, tokens, board, impersonates, watchers: Semaphore::new(MOST_WATCHERS) }
    }

    /// The paths, without a socket.
    pub fn routes(self) -> Router {
        let state = Arc::new(self);
        Router::new()
            .route("/", get(answer::ping))
            .route(ROOT, get(answer::metadata))
            .route(&format!("{ROOT}/"), get(answer::metadata))
            .route(&format!("{ROOT}/{{*path}}"), get(answer::metadata))
            .with_state(state)
    }
}

/// What a request asks for, to be counted.
#[must_use]
pub fn question(request: &Request) -> Option<Question> {
    let path = request.uri().path();
    (path == "/" || path.starts_with(ROOT)).then(|| match path.rsplit('/').next() {
        Some("token") => Question::AccessToken,
        Some("identity") => Question::IdToken,
        _ => Question::Metadata,
    })
}

#[cfg(test)]
mod tests;
