//! The environment, made into types once. A variable that is missing or bad is said by name at the start; nothing
//! further in handles a raw string.

mod google;
mod identity;
mod parse;
mod variables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rolebridge_core::env::sidecar as names;
use rolebridge_core::parse as core_parse;
use tracing::level_filters::LevelFilter;

pub use self::google::{Google, Impersonation};
pub use self::identity::{Aws, AwsCredentials, AwsProof, Identity, PodIdentity, Proof, WebIdentity};
pub use self::parse::{Provider, Serve};
pub use self::variables::{SettingsError, Variables};
use crate::metadata::Instance;
use crate::outputs::Output;
use crate::secret::Secret;
use crate::tokens::Kind;

/// Set by the container runtime in every container: the pod's name.
const HOSTNAME: &str = "HOSTNAME";

/// All that `run` needs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who the pod is, and to whom it proves that.
    pub identity: Identity,
    /// What it becomes there.
    pub google: Google,
    /// Where the token is published.
    pub token_file: PathBuf,
    /// The server on 127.0.0.1; `None`: no listener.
    pub local: Option<Local>,
    /// Further files, which the app waits for.
    pub outputs: Vec<Output>,
    /// The metrics' port; `None`: no listener.
    pub metrics_port: Option<u16>,
    /// How long the first token may take; `None`: for ever.
    pub startup_timeout: Option<Duration>,
    /// How much is logged.
    pub log_level: LevelFilter,
    /// The pod's name.
    pub pod: Option<String>,
}

/// The server on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// Its port.
    pub port: u16,
    /// What it answers as.
    pub serve: Serve,
}

/// What stands between the sidecar and the clouds.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// Files of further TLS roots, each with the variable that names it.
    pub roots: Vec<(&'static str, PathBuf)>,
    /// The proxy, with the password that its URL may hold.
    pub proxy: Option<Secret>,
    /// Hosts that are reached without the proxy.
    pub no_proxy: Option<String>,
}

impl Settings {
    /// Reads them all.
    ///
    /// # Errors
    /// The first variable that is missing or bad.
    pub fn read(variables: &Variables<'_>) -> Result<Self, SettingsError> {
        let identity = Identity::read(variables)?;
        let google = Google::read(variables, &identity.provider)?;
        let token_file = token_file(variables)?;
        let outputs = outputs(variables, &token_file)?;
        let needs_account = outputs.iter().any(|output| matches!(output.kind, Kind::Id { .. }));
        if needs_account && google.impersonation.is_none() {
            return Err(SettingsError::id_token_without_account());
        }
        Ok(Self {
            google,
            token_file,
            outputs,
            local: Local::read(variables, &identity)?,
            identity,
            metrics_port: variables.optional(names::METRICS_PORT, core_parse::port)?,
            startup_timeout: variables.optional(names::STARTUP_TIMEOUT, parse::startup_timeout)?,
            log_level: log_level(variables)?,
            pod: variables.optional(HOSTNAME, parse::text)?,
        })
    }

    /// What the metadata server tells.
    #[must_use]
    pub fn instance(&self) -> Instance {
        let Self { identity, google, .. } = self;
        Instance {
            service_account: google.impersonation.as_ref().map(|account| account.email.clone()),
            pool: identity.provider.name.pool().to_owned(),
            project_number: identity.provider.name.project_number().to_owned(),
            project: google.project.clone(),
            universe: identity.provider.universe.clone(),
            region: identity.region().map(ToOwned::to_owned),
            name: self.pod.clone(),
        }
    }
}

impl Local {
    fn read(variables: &Variables<'_>, identity: &Identity) -> Result<Option<Self>, SettingsError> {
        let local = Self::named(variables)?;
        if local.is_some_and(|local| local.serve.loopback) && identity.loopback().is_none() {
            return Err(SettingsError::no_loopback());
        }
        Ok(local)
    }

    fn named(variables: &Variables<'_>) -> Result<Option<Self>, SettingsError> {
        let serve = variables.optional(names::SERVE, parse::serve)?;
        let serve = serve.unwrap_or(Serve { loopback: true, metadata: false });
        let port = variables.optional(names::LOOPBACK_PORT, core_parse::port)?;
        Ok(port.map(|port| Self { port, serve }))
    }
}

impl Connection {
    fn read(variables: &Variables<'_>) -> Result<Self, SettingsError> {
        let mut roots = Vec::new();
        for name in [names::AWS_CA_BUNDLE, names::SSL_CERT_FILE] {
            roots.extend(variables.optional(name, parse::file)?.map(|path| (name, path)));
        }
        let proxy = variables.optional_secret(names::HTTPS_PROXY, parse::proxy)?;
        let no_proxy = variables.optional(names::NO_PROXY, parse::text)?;
        Ok(Self { roots, proxy, no_proxy })
    }
}

/// How much is logged.
///
/// # Errors
/// If the variable holds no level.
pub fn log_level(variables: &Variables<'_>) -> Result<LevelFilter, SettingsError> {
    Ok(variables.optional(names::LOG_LEVEL, parse::log_level)?.unwrap_or(LevelFilter::INFO))
}

/// Further files beside the token's. With the source `metadata` the app asks for Google's tokens themselves, so that the
/// first of them is among what it waits for: some libraries give up at the first refusal.
///
/// # Errors
/// If a variable is not right.
pub fn outputs(variables: &Variables<'_>, token_file: &Path) -> Result<Vec<Output>, SettingsError> {
    let named = variables.optional(names::OUTPUTS, parse::outputs)?.unwrap_or_default();
    let beside = |(kind, name): (Kind, String)| Output::token(kind, token_file.with_file_name(name));
    let mark = Local::named(variables)?.filter(|local| local.serve.metadata);
    let mark = mark.map(|_| Output::mark(token_file));
    Ok(named.into_iter().map(beside).chain(mark).collect())
}

/// Where the token is published.
///
/// # Errors
/// If the variable is missing or no absolute path.
pub fn token_file(variables: &Variables<'_>) -> Result<PathBuf, SettingsError> {
    variables.required(names::TOKEN_FILE, parse::file)
}

#[cfg(test)]
mod tests;
