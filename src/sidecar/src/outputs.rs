//! Further files: Google's tokens for programs that can only read one from a file, written as the subject token is; and a
//! mark that Google has given a token, for the app that asks the metadata server for its first one.
//!
//! Each is kept by a task of its own. An access token comes when it is renewed; an ID token, which is made on demand, is
//! asked for again at a share of its life; a mark stays.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::fault::{Fault, Reason};
use crate::google::Mint;
use crate::publish::{Publisher, replace};
use crate::schedule::{EARLIEST, FIRST_EARLIEST, backoff, renewal_share};
use crate::secret::Secret;
use crate::state::Said;
use crate::tokens::{Kind, Served, Tokens};

/// A file and what is in it. The app starts when it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Which token.
    pub kind: Kind,
    /// The file.
    pub file: PathBuf,
    content: Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Token,
    Mark,
}

impl Output {
    /// A token.
    #[must_use]
    pub fn token(kind: Kind, file: PathBuf) -> Self {
        Self { kind, file, content: Content::Token }
    }

    /// The mark beside the subject token's file. It stays when the sidecar starts anew, which must not make the pod
    /// unready.
    #[must_use]
    pub fn mark(token_file: &Path) -> Self {
        let file = token_file.with_extension("google");
        Self { kind: Kind::default_access(), file, content: Content::Mark }
    }
}

/// How far an output has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether the file has been written.
    pub written: bool,
    /// What is wrong now.
    pub fault: Option<Fault>,
}

/// How far all of them have come, for those who wait for it.
pub type Reader = watch::Receiver<Vec<Progress>>;

/// Why an app that needs them cannot start; `None`: it can.
#[must_use]
pub fn missing(progress: &[Progress]) -> Option<String> {
    let missing = progress.iter().find(|one| !one.written)?;
    Some(missing.fault.as_ref().map_or_else(|| NOT_YET.to_owned(), ToString::to_string))
}

/// Before the first answer of Google.
pub(crate) const NOT_YET: &str = "no token of Google's yet: it has not answered so far";

/// Starts keeping them. What is wrong is said to `ready` through `publisher` too.
#[must_use]
pub fn keep<M: Mint>(outputs: Vec<Output>, tokens: &Tokens<M>, publisher: &Publisher) -> Reader {
    let (writer, reader) = watch::channel(vec![Progress::default(); outputs.len()]);
    let writer = Arc::new(writer);
    for (number, output) in outputs.into_iter().enumerate() {
        let (writer, publisher) = (Arc::clone(&writer), publisher.clone());
        let keeper = Keeper { number, output, tokens: tokens.clone(), writer, publisher };
        tokio::spawn(keeper.run());
    }
    reader
}

struct Keeper<M> {
    number: usize,
    output: Output,
    tokens: Tokens<M>,
    writer: Arc<watch::Sender<Vec<Progress>>>,
    publisher: Publisher,
}

impl<M: Mint> Keeper<M> {
    async fn run(self) {
        let mut last: Option<Secret> = None;
        loop {
            let is_new = |secret: &Secret| last.as_ref() != Some(secret);
            let served = self.tokens.another(&self.output.kind, is_new, |fault| self.failed(fault)).await;
            self.write(&served).await;
            if self.output.content == Content::Mark {
                return;
            }
            if !self.output.kind.is_renewed_ahead() {
                let earliest = if last.is_none() { FIRST_EARLIEST } else { EARLIEST };
                sleep(served.lives.mul_f64(renewal_share(earliest, fastrand::f64()))).await;
            }
            last = Some(served.secret);
        }
    }

    async fn write(&self, served: &Served) {
        let mut failures = 0;
        let content = match self.output.content {
            Content::Token => served.secret.expose(),
            Content::Mark => "Google has given a token\n",
        };
        while let Err(error) = replace(&self.output.file, content.as_bytes()) {
            failures += 1;
            let fault = Fault::new(Reason::Unwritten, format!("{}: {error}", self.output.file.display()));
            let wait = backoff(failures, fault.is_lasting(), fastrand::f64());
            fault.log(None, wait);
            self.failed(&fault);
            sleep(wait).await;
        }
        if !self.writer.borrow()[self.number].written && self.output.content == Content::Token {
            tracing::info!(file = %self.output.file.display(), "a token of Google's is published");
        }
        self.progress(Progress { written: true, fault: None });
    }

    fn failed(&self, fault: &Fault) {
        let written = self.writer.borrow()[self.number].written;
        self.progress(Progress { written, fault: Some(fault.clone()) });
    }

    fn progress(&self, progress: Progress) {
        let changed = self.writer.send_if_modified(|all| {
            let changed = all[self.number] != progress;
            all[self.number] = progress;
            changed
        });
        if changed {
            self.say();
        }
    }

    /// What `ready`, which is another process, finds.
    fn say(&self) {
        let fault = self.writer.borrow().iter().find_map(|one| one.fault.as_ref().map(Said::from));
        if let Err(error) = self.publisher.publish_output_fault(fault.as_ref()) {
            tracing::warn!(%error, "what is wrong with the outputs could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::fault::Peer;
    use crate::google::script::{Call, Script, board, clock};
    use crate::metrics::Metrics;

    const HOUR: Duration = Duration::from_hours(1);

    fn outputs(folder: &Path) -> Vec<Output> {
        let id = Kind::Id { audience: "https://a.example".to_owned(), with_email: true };
        vec![
            Output::token(Kind::default_access(), folder.join("access-token")),
            Output::token(id, folder.join("id-token")),
            Output::mark(&folder.join("token")),
        ]
    }

    fn start(script: Script, folder: &Path) -> (Reader, Publisher) {
        let (writer, reader) = board();
        // The board outlives the test.
        std::mem::forget(writer);
        let tokens = Tokens::new(script, true, reader, clock(), Arc::new(Metrics::default()));
        let publisher = Publisher::new(folder.join("token"));
        (keep(outputs(folder), &tokens, &publisher), publisher)
    }

    fn read(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn each_file_is_kept_fresh_at_two_calls_an_hour() {
        let folder = tempfile::tempdir().unwrap();
        let script = Script::good();
        let calls = Arc::clone(&script.calls);
        let (mut reader, _) = start(script, folder.path());
        reader.wait_for(|all| missing(all).is_none()).await.unwrap();
        let start = Instant::now();
        let mut seen = [("access-token", String::new(), start), ("id-token", String::new(), start)];
        while start.elapsed() < 24 * HOUR {
            for (name, text, since) in &mut seen {
                let found = read(folder.path(), name);
                if *text != found {
                    (*text, *since) = (found, Instant::now());
                }
                assert!(since.elapsed() < Duration::from_mins(43), "{name} is {:?} old", since.elapsed());
            }
            sleep(Duration::from_secs(7)).await;
        }
        assert_eq!(read(folder.path(), "token.google"), "Google has given a token\n");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 4, "these, and what is said to ready");
        let calls = calls.lock().unwrap();
        for call in [Call::Access, Call::Id] {
            let count = calls.iter().filter(|(one, ..)| *one == call).count();
            assert!((34..=42).contains(&count), "{call:?}: {count}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_in_the_way_is_said_and_the_last_good_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let denied = || Fault::new(Reason::ImpersonationDenied, "batch").at(Peer::IamCredentials);
        let script = Script::new(move |call, since| match since.as_secs() {
            ..30 => Err(denied()),
            300..3600 if call == Call::Id => Err(denied()),
            _ => Ok(HOUR),
        });
        let (mut reader, publisher) = start(script, folder.path());
        sleep(Duration::from_secs(1)).await;
        assert_eq!(missing(&reader.borrow()), Some(denied().to_string()));
        assert_eq!(publisher.output_fault().unwrap().code, "impersonation-denied");
        reader.wait_for(|all| missing(all).is_none()).await.unwrap();
        assert_eq!(publisher.output_fault(), None);
        let first = read(folder.path(), "id-token");
        sleep(Duration::from_mins(50)).await;
        assert_eq!(read(folder.path(), "id-token"), first);
        assert_eq!(publisher.output_fault().unwrap().code, "impersonation-denied");
        assert_eq!(missing(&reader.borrow()), None, "an app that runs is not stopped");
        sleep(Duration::from_mins(30)).await;
        assert_ne!(read(folder.path(), "id-token"), first);
        assert_eq!(publisher.output_fault(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_volume_that_is_gone_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let (reader, _) = start(Script::good(), &gone);
        sleep(Duration::from_secs(5)).await;
        let why = missing(&reader.borrow()).unwrap();
        assert!(why.starts_with("publication: ") && why.contains("gone/"), "{why}");
        fs::create_dir(&gone).unwrap();
        sleep(Duration::from_mins(2)).await;
        assert_eq!(missing(&reader.borrow()), None);
    }
}
