//! An app and its Google library, which keeps an access token until some minutes before its end, without jitter.

use std::time::Duration;

use rolebridge_sidecar::google::TokenProvider;
use rolebridge_sidecar::scopes::Scopes;
use rolebridge_sidecar::subject_token::SubjectToken;
use rolebridge_sidecar::token_cache::TokenCache;
use rolebridge_sidecar::token_kind::TokenKind;
use tokio::time::{Instant, sleep};

use crate::clouds::Clouds;
use crate::scenario::Source;

/// The remaining lifetime at which a library requests another token: google-auth for Python, and Go's. Others take up to
/// six minutes.
const REFRESH_REMAINING: Duration = Duration::from_secs(225);
/// The wait before a token that is about to end is requested again: the app's next call.
const NEXT_CALL: Duration = Duration::from_secs(5);
/// The first wait of an app after an error, and the longest. It doubles, as in Google's generated clients.
const RETRIES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// A process that reads tokens.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) clouds: Clouds,
    pub(crate) tokens: TokenCache<Clouds>,
    pub(crate) source: Source,
    pub(crate) impersonates: bool,
    /// The lifetime of the impersonated token in the library's configuration.
    pub(crate) lifetime: Duration,
    /// The start of the pod's sidecar.
    pub(crate) started: Instant,
}

impl App {
    /// Reads a token whenever a library would, for ever.
    pub(crate) async fn run(self) {
        let (initial, max) = RETRIES;
        let (mut wait, mut token_ends, mut was_interrupted) = (initial, None, false);
        loop {
            if let Some(remaining) = self.read().await {
                if token_ends.is_none() {
                    self.clouds.record_first_token(self.started.elapsed());
                }
                token_ends = Some(Instant::now() + remaining);
                wait = initial;
                sleep(remaining.saturating_sub(REFRESH_REMAINING).max(NEXT_CALL)).await;
            } else {
                // Until its end, the library uses the token that it has.
                let has_ended = token_ends.is_some_and(|end| end <= Instant::now());
                if has_ended && !std::mem::replace(&mut was_interrupted, true) {
                    self.clouds.record_interruption();
                }
                sleep(wait.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
                wait = (2 * wait).min(max);
            }
        }
    }

    /// Returns the remaining lifetime of a token, or nothing after an error.
    async fn read(&self) -> Option<Duration> {
        match self.source {
            Source::Metadata => Some(self.tokens.get(&TokenKind::default_access()).await.ok()?.expires_in),
            Source::Library => self.fetch().await,
        }
    }

    /// Exchanges a subject token, and impersonates, as a library does.
    async fn fetch(&self) -> Option<Duration> {
        let scopes = Scopes::cloud_platform();
        let federated = self.clouds.exchange(&SubjectToken::new("simulated"), &scopes).await.ok()?;
        if !self.impersonates {
            return Some(federated.expires_in);
        }
        let token = self.clouds.access_token(&federated.secret, &scopes).await.ok()?;
        Some(token.expires_in.min(self.lifetime))
    }
}
