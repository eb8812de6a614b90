//! The settings of connections to AWS and Google.

use std::path::PathBuf;

use rolebridge_core::env::sidecar as names;
use rolebridge_core::parse;

use super::env::{Env, SettingsError};
use crate::secret::Secret;

/// The settings of connections to AWS and Google.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// Files of additional TLS roots, each with the variable that names it.
    pub ca_bundles: Vec<(&'static str, PathBuf)>,
    /// The proxy. Its URL may contain a password.
    pub proxy: Option<Secret>,
    /// Hosts that are called without the proxy.
    pub no_proxy: Option<String>,
}

impl Connection {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, SettingsError> {
        let mut ca_bundles = Vec::new();
        for name in [names::AWS_CA_BUNDLE, names::SSL_CERT_FILE] {
            ca_bundles.extend(env.optional_path(name)?.map(|path| (name, path)));
        }
        let parse_proxy = |text: &str| parse::proxy_variable(text).map(String::from);
        let proxy = env.optional_secret(names::HTTPS_PROXY, parse_proxy)?;
        let no_proxy = env.optional_raw(names::NO_PROXY)?;
        Ok(Self { ca_bundles, proxy, no_proxy })
    }
}
