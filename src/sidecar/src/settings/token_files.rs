//! The settings of token files, which are in the same directory as the subject token's file.

use std::path::{Path, PathBuf};

use rolebridge_core::env::sidecar as names;
use rolebridge_core::parse::InvalidValue;
use rolebridge_core::token_outputs::{self, Output};

use super::env::{Env, SettingsError};
use super::server::ServerSettings;
use crate::token_kind::TokenKind;

/// A file with a Google token, or the ready marker. The app starts when all files exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile {
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
    /// Creates the settings of a file with a token.
    #[must_use]
    pub fn token(kind: TokenKind, file: PathBuf) -> Self {
        Self { kind, file, content: Content::Token }
    }

    /// Creates the settings of the ready marker next to the subject token's file. The marker remains when the sidecar
    /// restarts, so that a restart does not make the pod unready.
    #[must_use]
    pub fn ready_marker(token_file: &Path) -> Self {
        let file = token_file.with_extension("google");
        Self { kind: TokenKind::default_access(), file, content: Content::ReadyMarker }
    }
}

/// Reads the settings of all token files.
///
/// With the source `metadata`, the app requests Google tokens itself and some libraries do not retry a first error, so the
/// ready marker is among the files.
///
/// # Errors
/// Returns an error for the first invalid variable.
pub fn token_files(env: &Env<'_>, token_file: &Path) -> Result<Vec<TokenFile>, SettingsError> {
    let outputs = env.optional(names::OUTPUTS, parse_outputs)?.unwrap_or_default();
    let outputs = outputs.into_iter();
    let files = outputs.map(|(kind, name)| TokenFile::token(kind, token_file.with_file_name(name)));
    let server = ServerSettings::read_unchecked(env)?.filter(|server| server.protocols.gce_metadata);
    Ok(files.chain(server.map(|_| TokenFile::ready_marker(token_file))).collect())
}

fn parse_outputs(text: &str) -> Result<Vec<(TokenKind, String)>, InvalidValue> {
    let outputs = token_outputs::parse(text)?.into_iter().map(|(output, name)| match output {
        Output::AccessToken => (TokenKind::default_access(), name),
        Output::IdToken { audience } => (TokenKind::Id { audience: audience.to_owned() }, name),
    });
    Ok(outputs.collect())
}
