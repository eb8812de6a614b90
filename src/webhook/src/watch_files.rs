//! Notices that files have changed, by reading them again now and then.
//!
//! A mounted Secret or ConfigMap changes by the swap of a symbolic link some folders up, which watchers of a file's
//! own writes miss. The files are small and lie in memory, so that reading them costs less than any cleverness.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// A file and the flag that named it.
#[derive(Debug, Clone)]
pub struct File {
    /// Such as `--key`.
    pub flag: &'static str,
    /// Where it lies.
    pub path: PathBuf,
}

/// What the files held, in their order.
pub type Contents = Vec<Vec<u8>>;

/// Files that belong together, and what they were like when they were read last.
#[derive(Debug)]
pub struct Watched {
    files: Vec<File>,
    last: u64,
}

impl Watched {
    /// Reads the files for the first time.
    ///
    /// # Errors
    ///
    /// A file cannot be read: a sentence with its flag.
    pub fn read(files: Vec<File>) -> Result<(Self, Contents), String> {
        let contents = read(&files)?;
        let last = fingerprint(&Ok(contents.as_slice()));
        Ok((Self { files, last }, contents))
    }

    /// The files with their flags, for sentences.
    #[must_use]
    pub fn names(&self) -> String {
        let names: Vec<_> =
            self.files.iter().map(|file| format!("{} {}", file.flag, file.path.display())).collect();
        names.join(", ")
    }

    /// Tells each change, good or bad, once. Files of two versions, as a swap may show them, are told apart again at
    /// the next look.
    pub async fn follow(mut self, interval: Duration, mut changed: impl FnMut(Result<&Contents, &str>)) {
        let interval = interval.max(Duration::from_millis(1));
        let mut ticks = interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let found = read(&self.files);
            let fingerprint = fingerprint(&found.as_deref());
            if fingerprint != self.last {
                self.last = fingerprint;
                changed(found.as_ref().map_err(String::as_str));
            }
        }
    }
}

fn read(files: &[File]) -> Result<Contents, String> {
    let read = |file: &File| {
        fs::read(&file.path)
            .map_err(|error| format!("{} {} cannot be read: {error}.", file.flag, file.path.display()))
    };
    files.iter().map(read).collect()
}

/// One of the files may be a private key, so the contents themselves are not kept.
fn fingerprint(found: &Result<&[Vec<u8>], &String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    found.hash(&mut hasher);
    hasher.finish()
}
