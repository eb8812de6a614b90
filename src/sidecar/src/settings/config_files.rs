//! The settings of the `external_account` documents that the sidecar writes for the app's Google library.

use std::path::PathBuf;

use rolebridge_core::external_account::ConfigKind;

use super::env::{Env, SettingsError};

/// A document and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// The kind of the document.
    pub kind: ConfigKind,
    /// The file.
    pub file: PathBuf,
}

/// Reads the settings of all documents.
///
/// # Errors
/// Returns an error for the first invalid variable.
pub fn config_files(env: &Env<'_>) -> Result<Vec<ConfigFile>, SettingsError> {
    let files = ConfigKind::ALL.into_iter().map(|kind| {
        let file = env.optional_path(kind.variable())?;
        Ok(file.map(|file| ConfigFile { kind, file }))
    });
    files.filter_map(Result::transpose).collect()
}
