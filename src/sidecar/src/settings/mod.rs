//! The settings of the sidecar, parsed from environment variables once. The other modules see no raw strings.

mod config_files;
mod connection;
mod env;
mod google;
mod identity;
mod provider;
mod server;
mod token_files;

use std::path::PathBuf;
use std::time::Duration;

use rolebridge_core::env::sidecar as names;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::parse::{self, InvalidValue};
use tracing::level_filters::LevelFilter;

pub use self::config_files::{ConfigFile, config_files};
pub use self::connection::Connection;
pub use self::env::{Env, SettingsError};
pub use self::google::{GoogleSettings, Impersonation};
pub use self::identity::{
    AwsCredentials, AwsSettings, AwsSubjectToken, IdentitySettings, IdentitySource, PodIdentity, WebIdentity,
};
pub use self::provider::Provider;
pub use self::server::{ServedProtocols, ServerSettings};
pub(crate) use self::token_files::Content;
pub use self::token_files::{TokenFile, token_files};
use crate::token_kind::TokenKind;

/// The settings of `run`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The pod's identity.
    pub identity: IdentitySettings,
    /// The settings of Google's endpoints and of impersonation.
    pub google: GoogleSettings,
    /// The file in which the subject token is published.
    pub token_file: PathBuf,
    /// The configurations for the app's Google library.
    pub config_files: Vec<ConfigFile>,
    /// The server on 127.0.0.1; `None` for no server.
    pub server: Option<ServerSettings>,
    /// Additional files, for which the app waits.
    pub token_files: Vec<TokenFile>,
    /// The port of the metrics; `None` for no server.
    pub metrics_port: Option<u16>,
    /// The time limit for the first token; `None` for no limit.
    pub startup_timeout: Option<Duration>,
    /// The log level.
    pub log_level: LevelFilter,
    /// The pod's name.
    pub pod: Option<String>,
}

impl Settings {
    /// Reads all variables.
    ///
    /// # Errors
    /// Returns an error for the first variable that is missing or invalid.
    pub fn read(env: &Env<'_>) -> Result<Self, SettingsError> {
        let identity = IdentitySettings::read(env)?;
        let google = GoogleSettings::read(env, &identity.provider)?;
        let token_file = token_file(env)?;
        let token_files = token_files(env, &token_file)?;
        let is_id_token = |file: &&TokenFile| matches!(file.kind, TokenKind::Id { .. });
        if token_files.iter().filter(is_id_token).any(|file| google.account(file.account).is_none()) {
            return Err(SettingsError::id_token_without_service_account());
        }
        let (server, config_files) = (ServerSettings::read(env, &identity)?, config_files(env)?);
        let has_loopback_config = config_files.iter().any(|config| config.kind == ConfigKind::Loopback);
        if has_loopback_config && !server.is_some_and(|server| server.protocols.imds) {
            return Err(SettingsError::loopback_config_without_server());
        }
        if let Some(ServerSettings { port, protocols }) = server
            && protocols.gce_metadata
            && google.numbered_accounts().any(|(account, _)| account.port(port).is_none())
        {
            return Err(SettingsError::too_high_port(port, google.accounts.len()));
        }
        Ok(Self {
            google,
            token_file,
            token_files,
            config_files,
            server,
            identity,
            metrics_port: env.optional(names::METRICS_PORT, parse::port)?,
            startup_timeout: env.optional(names::STARTUP_TIMEOUT, startup_timeout)?,
            log_level: log_level(env)?,
            pod: env.optional_raw(names::HOSTNAME)?,
        })
    }
}

/// Reads the log level.
///
/// # Errors
/// Returns an error if the variable is not a log level.
pub fn log_level(env: &Env<'_>) -> Result<LevelFilter, SettingsError> {
    Ok(env.optional(names::LOG_LEVEL, parse_log_level)?.unwrap_or(LevelFilter::INFO))
}

/// Reads the path of the subject token's file.
///
/// # Errors
/// Returns an error if the variable is missing or not an absolute path.
pub fn token_file(env: &Env<'_>) -> Result<PathBuf, SettingsError> {
    env.required_path(names::TOKEN_FILE)
}

fn startup_timeout(text: &str) -> Result<Duration, InvalidValue> {
    parse::startup_timeout(text).map(|seconds| Duration::from_secs(seconds.into()))
}

fn parse_log_level(text: &str) -> Result<LevelFilter, InvalidValue> {
    Ok(match parse::log_level(text)? {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => LevelFilter::INFO,
    })
}

#[cfg(test)]
mod tests;
