//! The settings of the `external_account` documents that the sidecar writes for the app's Google library.

use std::path::PathBuf;

use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::service_accounts::AccountNumber;

use super::env::{Env, SettingsError};
use super::google::account_numbers;

/// A document and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// The kind of the document.
    pub kind: ConfigKind,
    /// The account of the document.
    pub account: AccountNumber,
    /// The file.
    pub file: PathBuf,
}

/// Reads the settings of all documents. Each kind has one for each account, because a later container may use any of them.
///
/// # Errors
/// Returns an error for the first invalid variable.
pub fn config_files(env: &Env<'_>) -> Result<Vec<ConfigFile>, SettingsError> {
    let mut files = Vec::new();
    for kind in ConfigKind::ALL {
        let Some(first) = env.optional_path(kind.variable())? else { continue };
        files.extend(account_numbers(env)?.into_iter().map(|account| {
            let file = match account {
                AccountNumber::DEFAULT => first.clone(),
                account => first.with_file_name(kind.config_name(account)),
            };
            ConfigFile { kind, account, file }
        }));
    }
    Ok(files)
}
