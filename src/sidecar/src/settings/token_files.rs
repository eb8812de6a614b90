//! The settings of token files, which are in the same directory as the subject token's file.

use std::path::{Path, PathBuf};

use rolebridge_core::env::sidecar as names;
use rolebridge_core::parse::InvalidValue;
use rolebridge_core::service_accounts::AccountNumber;
use rolebridge_core::token_outputs::{self, Output};

use super::env::{Env, SettingsError};
use super::google::{account_numbers, account_of};
use super::server::ServerSettings;
use crate::token_kind::TokenKind;

/// A file with a Google token, or the ready marker. The app starts when all files exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile {
    /// The account that the token is for.
    pub account: AccountNumber,
    /// The kind of the token.
    pub kind: TokenKind,
    /// The file.
    pub file: PathBuf,
    /// The content of the file.
    pub(crate) content: Content,
}

/// The content of a [`TokenFile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// The token.
    Token,
    /// A fixed text: Google has issued the first token.
    ReadyMarker,
}

impl TokenFile {
    /// Creates the settings of a file with a token of an account.
    #[must_use]
    pub fn token(account: AccountNumber, kind: TokenKind, file: PathBuf) -> Self {
        Self { account, kind, file, content: Content::Token }
    }

    /// Creates the settings of an account's ready marker next to the subject token's file. The marker remains when the
    /// sidecar restarts, so that a restart does not make the pod unready.
    #[must_use]
    pub fn ready_marker(account: AccountNumber, token_file: &Path) -> Self {
        let file = match account.index() {
            0 => token_file.with_extension("google"),
            index => token_file.with_extension(format!("google-{}", index + 1)),
        };
        Self { account, kind: TokenKind::default_access(), file, content: Content::ReadyMarker }
    }
}

/// Reads the settings of all token files.
///
/// With the source `metadata`, the app requests Google tokens itself and some libraries do not retry a first error, so a
/// ready marker for each account is among the files.
///
/// # Errors
/// Returns an error for the first invalid variable.
pub fn token_files(env: &Env<'_>, token_file: &Path) -> Result<Vec<TokenFile>, SettingsError> {
    let outputs = env.optional(names::OUTPUTS, parse_outputs)?.unwrap_or_default();
    let mut files = Vec::new();
    for ParsedOutput { kind, container, name } in outputs {
        let account = match container {
            Some(container) => account_of(env, &container)?,
            None => AccountNumber::DEFAULT,
        };
        files.push(TokenFile::token(account, kind, token_file.with_file_name(name)));
    }
    if ServerSettings::read_unchecked(env)?.is_some_and(|server| server.protocols.gce_metadata) {
        let accounts = account_numbers(env)?.into_iter();
        files.extend(accounts.map(|account| TokenFile::ready_marker(account, token_file)));
    }
    Ok(files)
}

/// An output that owns its texts.
struct ParsedOutput {
    kind: TokenKind,
    container: Option<String>,
    name: String,
}

fn parse_outputs(text: &str) -> Result<Vec<ParsedOutput>, InvalidValue> {
    let outputs = token_outputs::parse(text)?.into_iter().map(|file| {
        let kind = match file.output {
            Output::AccessToken => TokenKind::default_access(),
            Output::IdToken { audience } => TokenKind::Id { audience: audience.to_owned() },
        };
        ParsedOutput { kind, container: file.container.map(str::to_owned), name: file.name }
    });
    Ok(outputs.collect())
}
