//! Detects changed files by reading them periodically.
//!
//! A mounted Secret or ConfigMap changes by swapping a symbolic link in a parent directory, which watchers of writes to
//! a file miss. The files are small and in memory, so reading them costs less than a watcher.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// A file and the flag that names it.
#[derive(Debug, Clone)]
pub struct WatchedFile {
    /// Flag, such as `--key`.
    pub flag: &'static str,
    /// Path.
    pub path: PathBuf,
}

/// Contents of the files, in their order.
pub type FileContents = Vec<Vec<u8>>;

/// Files that belong together, and a fingerprint of their latest contents.
#[derive(Debug)]
pub struct FileWatcher {
    files: Vec<WatchedFile>,
    fingerprint: u64,
}

impl FileWatcher {
    /// Reads the files for the first time.
    ///
    /// # Errors
    ///
    /// Returns an error that names the flag if a file cannot be read.
    pub fn read(files: Vec<WatchedFile>) -> Result<(Self, FileContents), String> {
        let contents = read_files(&files)?;
        let fingerprint = fingerprint(&Ok(contents.as_slice()));
        Ok((Self { files, fingerprint }, contents))
    }

    /// Returns the flags and paths, for messages.
    #[must_use]
    pub fn names(&self) -> String {
        let names: Vec<_> =
            self.files.iter().map(|file| format!("{} {}", file.flag, file.path.display())).collect();
        names.join(", ")
    }

    /// Calls `changed` once for each change, valid or not. If a swap shows files of two versions, the next read sees
    /// another change.
    pub async fn watch_files(
        mut self,
        interval: Duration,
        mut changed: impl FnMut(Result<&FileContents, &str>),
    ) {
        let interval = interval.max(Duration::from_millis(1));
        let mut ticks = interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let contents = read_files(&self.files);
            let fingerprint = fingerprint(&contents.as_deref());
            if fingerprint != self.fingerprint {
                self.fingerprint = fingerprint;
                changed(contents.as_ref().map_err(String::as_str));
            }
        }
    }
}

fn read_files(files: &[WatchedFile]) -> Result<FileContents, String> {
    let read = |file: &WatchedFile| {
        fs::read(&file.path)
            .map_err(|error| format!("failed to read {} {}: {error}", file.flag, file.path.display()))
    };
    files.iter().map(read).collect()
}

/// Hashes the contents. The contents themselves are not kept, because a file may be a private key.
fn fingerprint(contents: &Result<&[Vec<u8>], &String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    contents.hash(&mut hasher);
    hasher.finish()
}
