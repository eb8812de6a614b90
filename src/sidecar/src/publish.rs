//! Writes the token's file, and the state's beside it, so that a reader never sees a torn or an empty one: to a
//! temporary file in the same directory, synced, renamed over the old one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::state::{Said, State};
use crate::subject_token::SubjectToken;

/// Everybody reads, nobody writes: other users of the pod's containers must be able to read it.
const MODE: u32 = 0o444;

/// The files. The calls block, but for microseconds: the volume is in memory.
#[derive(Debug, Clone)]
pub struct Publisher {
    token: PathBuf,
    state: PathBuf,
    output_fault: PathBuf,
}

impl Publisher {
    /// `token` is the token's file; what is said of it lies beside it.
    #[must_use]
    pub fn new(token: PathBuf) -> Self {
        let (state, output_fault) =
            (token.with_extension("state.json"), token.with_extension("outputs.json"));
        Self { token, state, output_fault }
    }

    /// Publishes a token.
    ///
    /// # Errors
    /// If the directory is not there, not writable or full. The old file stays.
    pub fn publish_token(&self, token: &SubjectToken) -> io::Result<()> {
        replace(&self.token, token.expose().as_bytes())
    }

    /// Publishes the state.
    ///
    /// # Errors
    /// As [`Publisher::publish_token`].
    pub fn publish_state(&self, state: &State) -> io::Result<()> {
        replace(&self.state, &serde_json::to_vec(state)?)
    }

    /// Publishes what is wrong with the outputs.
    ///
    /// # Errors
    /// As [`Publisher::publish_token`].
    pub fn publish_output_fault(&self, fault: Option<&Said>) -> io::Result<()> {
        replace(&self.output_fault, &serde_json::to_vec(&fault)?)
    }

    /// What is wrong with the outputs, if anything is.
    #[must_use]
    pub fn output_fault(&self) -> Option<Said> {
        serde_json::from_slice(&fs::read(&self.output_fault).ok()?).ok()?
    }

    /// The published state, if there is one.
    #[must_use]
    pub fn state(&self) -> Option<State> {
        serde_json::from_slice(&fs::read(&self.state).ok()?).ok()
    }

    /// Whether a token is published.
    #[must_use]
    pub fn has_token(&self) -> bool {
        has_content(&self.token)
    }

    /// The token's file.
    #[must_use]
    pub fn token_file(&self) -> &Path {
        &self.token
    }
}

/// Whether a file is there and not empty.
pub(crate) fn has_content(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

/// Writes a file, or leaves the old one.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_added_extension("new");
    // One that an earlier process left half written cannot be opened: its mode says read-only.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // What was written takes room on a full volume.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    // The process's umask has narrowed the mode.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whatever_was_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write(&folder.path().join("token.new"), b"half").unwrap();
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o444);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn the_state_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let publisher = Publisher::new(folder.path().join("token"));
        assert_eq!(publisher.state(), None);
        assert!(!publisher.has_token());
        let state = State { good_until: Some(7), fault: None };
        publisher.publish_state(&state).unwrap();
        assert_eq!(publisher.state(), Some(state));
    }

    #[test]
    fn no_directory_is_an_error() {
        let publisher = Publisher::new("/nonexistent/token".into());
        assert!(publisher.publish_state(&State::default()).is_err());
    }
}
