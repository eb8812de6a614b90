//! Writes the token's file and the status file next to it atomically, so that no reader sees a partial or empty file.
//!
//! A temporary file in the same directory is written, synced and renamed to the target.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::regular_file::{self, Symlink};
use crate::status_file::{ErrorSummary, Status};
use crate::subject_token::SubjectToken;

/// The mode of the files: read-only, for all users, because the pod's containers may run as different users.
const MODE: u32 = 0o444;
/// Maximum size of a status file that is read. An error in it has up to a few hundred characters.
const MAX_STATUS_BYTES: u64 = 64 * 1024;

/// The paths of the published files. Its methods block for microseconds only, because the volume is in memory.
#[derive(Debug, Clone)]
pub struct Publisher {
    token: PathBuf,
    status: PathBuf,
    token_files_error: PathBuf,
    config_error: PathBuf,
}

impl Publisher {
    /// Creates a publisher for the token's file `token`; the other files are next to it.
    #[must_use]
    pub fn new(token: PathBuf) -> Self {
        let (status, token_files_error) =
            (token.with_extension("status.json"), token.with_extension("outputs.json"));
        let config_error = token.with_extension("config.json");
        Self { token, status, token_files_error, config_error }
    }

    /// Publishes a token.
    ///
    /// # Errors
    /// Returns an error if the directory is missing, not writable or full. The old file remains.
    pub fn publish_token(&self, token: &SubjectToken) -> io::Result<()> {
        replace(&self.token, token.expose().as_bytes())
    }

    /// Publishes the status.
    ///
    /// # Errors
    /// Returns an error in the same cases as [`Publisher::publish_token`].
    pub fn publish_status(&self, status: &Status) -> io::Result<()> {
        replace(&self.status, &serde_json::to_vec(status)?)
    }

    /// Publishes the current error of the token files, or that there is none.
    ///
    /// # Errors
    /// Returns an error in the same cases as [`Publisher::publish_token`].
    pub fn publish_token_files_error(&self, error: Option<&ErrorSummary>) -> io::Result<()> {
        replace(&self.token_files_error, &serde_json::to_vec(&error)?)
    }

    /// Returns the published error of the token files, if there is one.
    #[must_use]
    pub fn token_files_error(&self) -> Option<ErrorSummary> {
        read_json(&self.token_files_error)?
    }

    /// Publishes the error that keeps the configuration from being written.
    ///
    /// # Errors
    /// Returns an error in the same cases as [`Publisher::publish_token`].
    pub fn publish_config_error(&self, error: &ErrorSummary) -> io::Result<()> {
        replace(&self.config_error, &serde_json::to_vec(error)?)
    }

    /// Returns the last published error of the configuration, if there is one.
    #[must_use]
    pub fn config_error(&self) -> Option<ErrorSummary> {
        read_json(&self.config_error)
    }

    /// Returns the published status, if there is one.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        read_json(&self.status)
    }

    /// Returns true if a token is published.
    #[must_use]
    pub fn has_token(&self) -> bool {
        has_content(&self.token)
    }

    /// Returns the path of the token's file.
    #[must_use]
    pub fn token_file(&self) -> &Path {
        &self.token
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let content = regular_file::read(path, Symlink::Reject, MAX_STATUS_BYTES).ok()?;
    serde_json::from_slice(&content).ok()
}

/// Returns true if the path is a regular file that is not empty.
pub(crate) fn has_content(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.len() > 0)
}

/// Replaces a file atomically. If that fails, the old file remains.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_added_extension("new");
    // A file that an earlier process left behind cannot be opened for writing, because its mode is read-only.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io::Error::new(error.kind(), format!("{}: {error}", temporary.display())));
        }
        _ => {}
    }
    let result = write(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        // The partial file would occupy space on a full volume.
        let _ = fs::remove_file(&temporary);
    }
    result
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    // The process's umask may have narrowed the mode.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regular_file::mkfifo;

    #[test]
    fn replace_ignores_a_leftover_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write(&folder.path().join("token.new"), b"half").unwrap();
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o444);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no temporary file remains");
    }

    #[test]
    fn replace_replaces_a_fifo_and_names_a_folder_in_the_place_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, temporary) = (folder.path().join("token"), folder.path().join("token.new"));
        mkfifo(&path);
        mkfifo(&temporary);
        replace(&path, b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        fs::create_dir(&temporary).unwrap();
        let error = replace(&path, b"two").unwrap_err().to_string();
        assert_eq!(error, format!("{}: Is a directory (os error 21)", temporary.display()));
        fs::remove_dir(&temporary).unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(replace(&path, b"two").unwrap_err().to_string(), "Is a directory (os error 21)");
        assert!(!temporary.exists());
    }

    #[test]
    fn status_round_trips_through_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let publisher = Publisher::new(folder.path().join("token"));
        assert_eq!(publisher.status(), None);
        assert!(!publisher.has_token());
        let status = Status { valid_until: Some(7), error: None };
        publisher.publish_status(&status).unwrap();
        assert_eq!(publisher.status(), Some(status));
    }

    #[test]
    fn publish_into_a_missing_directory_is_an_error() {
        let publisher = Publisher::new("/nonexistent/token".into());
        assert!(publisher.publish_status(&Status::default()).is_err());
    }
}
