//! Token files for programs that cannot call an endpoint, and a ready marker that delays the app until Google has issued
//! the first token.
//!
//! A task per file writes it as the subject token's file is written. An access token is written when it is renewed. An ID
//! token, which is issued on demand, is requested again after a fraction of its lifetime. The ready marker is written once.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::backoff::backoff;
use crate::error::{Error, ErrorKind, Failure};
use crate::google::TokenProvider;
use crate::publish::{Publisher, replace};
use crate::schedule::{EARLIEST_FIRST_RENEWAL, EARLIEST_RENEWAL, renewal_fraction};
use crate::secret::Secret;
use crate::settings::{Content, TokenFile};
use crate::status_file::ErrorSummary;
use crate::token_cache::{IssuedToken, TokenCache};

/// The status of a token file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenFileStatus {
    /// True if the file has been written.
    pub written: bool,
    /// The current error.
    pub error: Option<Error>,
}

/// The receiver of all files' status.
pub type Reader = watch::Receiver<Vec<TokenFileStatus>>;

/// Returns the reason why an app that needs all files cannot start, or `None` if all are written.
#[must_use]
pub fn missing(statuses: &[TokenFileStatus]) -> Option<Failure> {
    let missing = statuses.iter().find(|status| !status.written)?;
    Some(missing.error.as_ref().map_or_else(|| Failure::new(NO_TOKEN_YET), Failure::from))
}

/// The reason before Google's first response.
pub(crate) const NO_TOKEN_YET: &str = "no Google token yet: waiting for Google's first response";

/// Starts the task of each file, with the cache of its account in `tokens`. Errors are published for `ready` through
/// `publisher` too.
#[must_use]
pub fn spawn<P: TokenProvider>(
    token_files: Vec<TokenFile>,
    tokens: &[TokenCache<P>],
    publisher: &Publisher,
) -> Reader {
    let (statuses, reader) = watch::channel(vec![TokenFileStatus::default(); token_files.len()]);
    let statuses = Arc::new(statuses);
    for (index, token_file) in token_files.into_iter().enumerate() {
        let (statuses, publisher) = (Arc::clone(&statuses), publisher.clone());
        let tokens = tokens[token_file.account.index()].clone();
        let writer = TokenFileWriter { index, token_file, tokens, statuses, publisher };
        tokio::spawn(writer.run());
    }
    reader
}

struct TokenFileWriter<P> {
    index: usize,
    token_file: TokenFile,
    tokens: TokenCache<P>,
    statuses: Arc<watch::Sender<Vec<TokenFileStatus>>>,
    publisher: Publisher,
}

impl<P: TokenProvider> TokenFileWriter<P> {
    async fn run(self) {
        let kind = &self.token_file.kind;
        let mut last: Option<Secret> = None;
        loop {
            let is_new = |secret: &Secret| last.as_ref() != Some(secret);
            let token = self.tokens.wait_for_new(kind, is_new, |error| self.set_error(error)).await;
            self.write(&token).await;
            if self.token_file.content == Content::ReadyMarker {
                return;
            }
            if !kind.is_renewed_ahead() {
                let earliest = if last.is_none() { EARLIEST_FIRST_RENEWAL } else { EARLIEST_RENEWAL };
                sleep(token.expires_in.mul_f64(renewal_fraction(earliest, fastrand::f64()))).await;
            }
            last = Some(token.secret);
        }
    }

    async fn write(&self, token: &IssuedToken) {
        let file = self.token_file.file.as_path();
        let mut failures = 0;
        let content = match self.token_file.content {
            Content::Token => token.secret.expose(),
            Content::ReadyMarker => "Google has issued a token\n",
        };
        while let Err(error) = replace(file, content.as_bytes()) {
            failures += 1;
            let error = Error::new(ErrorKind::WriteFailed, format!("{}: {error}", file.display()));
            let wait = backoff(failures, error.is_permanent(), fastrand::f64());
            error.log(None, wait);
            self.set_error(&error);
            sleep(wait).await;
        }
        if !self.statuses.borrow()[self.index].written && self.token_file.content == Content::Token {
            tracing::info!(file = %file.display(), "Google token published");
        }
        self.set_status(TokenFileStatus { written: true, error: None });
    }

    fn set_error(&self, error: &Error) {
        let written = self.statuses.borrow()[self.index].written;
        self.set_status(TokenFileStatus { written, error: Some(error.clone()) });
    }

    fn set_status(&self, status: TokenFileStatus) {
        let changed = self.statuses.send_if_modified(|statuses| {
            let changed = statuses[self.index] != status;
            statuses[self.index] = status;
            changed
        });
        if changed {
            self.publish_error();
        }
    }

    /// Publishes the first error for `ready`, which is another process.
    fn publish_error(&self) {
        let error = self.statuses.borrow().iter().find_map(|status| status.error.clone());
        let summary = error.as_ref().map(ErrorSummary::from);
        let result = self.publisher.publish_token_files_error(summary.as_ref());
        // An error of the volume was just reported.
        let is_reported = error.is_some_and(|error| error.kind() == ErrorKind::WriteFailed);
        if let Some(error) = result.err().filter(|_| !is_reported) {
            tracing::warn!(%error, "failed to publish the status of the token files");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use rolebridge_core::service_accounts::AccountNumber;
    use tokio::time::Instant;

    use super::*;
    use crate::error::Service;
    use crate::google::fake::{Call, FakeGoogle, clock, shared_state};
    use crate::metrics::Metrics;
    use crate::token_kind::TokenKind;

    const HOUR: Duration = Duration::from_hours(1);

    fn token_files(folder: &Path) -> Vec<TokenFile> {
        let id = TokenKind::Id { audience: "https://a.example".to_owned() };
        vec![
            TokenFile::token(
                AccountNumber::DEFAULT,
                TokenKind::default_access(),
                folder.join("access-token"),
            ),
            TokenFile::token(AccountNumber::DEFAULT, id, folder.join("id-token")),
            TokenFile::ready_marker(AccountNumber::DEFAULT, &folder.join("token")),
        ]
    }

    fn start(google: FakeGoogle, folder: &Path) -> (Reader, Publisher) {
        let (writer, reader) = shared_state();
        // The shared state outlives the test.
        std::mem::forget(writer);
        let tokens = TokenCache::new(google, true, reader, clock(), Arc::new(Metrics::default()));
        let publisher = Publisher::new(folder.join("token"));
        (spawn(token_files(folder), &[tokens], &publisher), publisher)
    }

    fn read(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).unwrap()
    }

    fn missing_text(reader: &Reader) -> Option<String> {
        missing(&reader.borrow()).map(|failure| failure.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn each_file_is_kept_fresh_with_two_calls_an_hour() {
        let folder = tempfile::tempdir().unwrap();
        let google = FakeGoogle::healthy();
        let calls = Arc::clone(&google.calls);
        let (mut reader, _) = start(google, folder.path());
        reader.wait_for(|statuses| missing(statuses).is_none()).await.unwrap();
        let start = Instant::now();
        let mut files = [("access-token", String::new(), start), ("id-token", String::new(), start)];
        while start.elapsed() < 24 * HOUR {
            for (name, content, since) in &mut files {
                let current = read(folder.path(), name);
                if *content != current {
                    (*content, *since) = (current, Instant::now());
                }
                assert!(since.elapsed() < Duration::from_mins(43), "{name} is {:?} old", since.elapsed());
            }
            sleep(Duration::from_secs(7)).await;
        }
        assert_eq!(read(folder.path(), "token.google"), "Google has issued a token\n");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 4, "these, and the error for ready");
        let calls = calls.lock().unwrap();
        for call in [Call::Access, Call::Id] {
            let count = calls.iter().filter(|(made, ..)| *made == call).count();
            assert!((34..=42).contains(&count), "{call:?}: {count}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn error_of_google_is_published_and_the_last_valid_token_remains() {
        let folder = tempfile::tempdir().unwrap();
        let denied =
            || Error::new(ErrorKind::ImpersonationDenied, "batch").from_service(Service::IamCredentials);
        let google = FakeGoogle::new(move |call, elapsed| match elapsed.as_secs() {
            ..30 => Err(denied()),
            300..3600 if call == Call::Id => Err(denied()),
            _ => Ok(HOUR),
        });
        let (mut reader, publisher) = start(google, folder.path());
        sleep(Duration::from_secs(1)).await;
        assert_eq!(missing_text(&reader), Some(denied().to_string()));
        assert_eq!(publisher.token_files_error().unwrap().code, "impersonation-denied");
        reader.wait_for(|statuses| missing(statuses).is_none()).await.unwrap();
        assert_eq!(publisher.token_files_error(), None);
        let first = read(folder.path(), "id-token");
        sleep(Duration::from_mins(50)).await;
        assert_eq!(read(folder.path(), "id-token"), first);
        assert_eq!(publisher.token_files_error().unwrap().code, "impersonation-denied");
        assert_eq!(missing_text(&reader), None, "a running app is not stopped");
        sleep(Duration::from_mins(30)).await;
        assert_ne!(read(folder.path(), "id-token"), first);
        assert_eq!(publisher.token_files_error(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn missing_volume_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let (reader, _) = start(FakeGoogle::healthy(), &gone);
        sleep(Duration::from_secs(5)).await;
        let text = missing_text(&reader).unwrap();
        assert!(text.starts_with("publication: ") && text.contains("gone/"), "{text}");
        fs::create_dir(&gone).unwrap();
        sleep(Duration::from_mins(2)).await;
        assert_eq!(missing_text(&reader), None);
    }
}
