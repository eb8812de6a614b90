//! The values that are the sidecar's own, and those of the contract as it keeps them.

use std::path::PathBuf;
use std::time::Duration;

use rolebridge_core::aws::RoleArn;
use rolebridge_core::google::{self, ProviderName};
use rolebridge_core::parse::{self as core_parse, InvalidValue};
use rolebridge_core::token_outputs::{self, Output};
use rolebridge_core::token_source::TokenSource;
use tracing::level_filters::LevelFilter;

use crate::tokens;

pub(super) fn role(text: &str) -> Result<RoleArn, InvalidValue> {
    core_parse::role(text).map(RoleArn::into_owned)
}

/// A workload identity pool provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its resource name: what a subject token is bound to.
    pub audience: String,
    /// The same without the host.
    pub name: ProviderName,
    /// Google's universe, such as `googleapis.com`.
    pub universe: String,
}

impl Provider {
    /// The audience of a JSON web token for it.
    #[must_use]
    pub fn token_audience(&self) -> String {
        google::token_audience(&self.universe, self.name.as_str())
    }
}

pub(super) fn provider(audience: &str) -> Result<Provider, InvalidValue> {
    let core_parse::Audience { universe, provider } = core_parse::audience(audience)?;
    Ok(Provider { audience: audience.to_owned(), name: provider.into_owned(), universe: universe.to_owned() })
}

pub(super) fn emails(text: &str) -> Result<Vec<String>, InvalidValue> {
    Ok(core_parse::emails(text)?.into_iter().map(str::to_owned).collect())
}

pub(super) fn proxy(text: &str) -> Result<String, InvalidValue> {
    core_parse::proxy_variable(text).map(String::from)
}

pub(super) fn file(text: &str) -> Result<PathBuf, InvalidValue> {
    let path = PathBuf::from(text);
    let is_file = path.is_absolute() && path.file_name().is_some();
    is_file.then_some(path).ok_or_else(|| InvalidValue::expected("the absolute path of a file"))
}

pub(super) fn outputs(text: &str) -> Result<Vec<(tokens::Kind, String)>, InvalidValue> {
    let outputs = token_outputs::parse(text)?.into_iter().map(|(output, name)| match output {
        Output::AccessToken => (tokens::Kind::default_access(), name),
        Output::IdToken { audience } => {
            (tokens::Kind::Id { audience: audience.to_owned(), with_email: true }, name)
        }
    });
    Ok(outputs.collect())
}

/// What the local server answers as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serve {
    /// As EC2's metadata service.
    pub loopback: bool,
    /// As the GCE metadata server.
    pub metadata: bool,
}

pub(super) fn serve(text: &str) -> Result<Serve, InvalidValue> {
    let mut serve = Serve { loopback: false, metadata: false };
    for source in text.split(',').map(str::trim) {
        match source.parse() {
            Ok(TokenSource::Loopback) => serve.loopback = true,
            Ok(TokenSource::Metadata) => serve.metadata = true,
            _ => return Err(InvalidValue::expected("\"loopback\", \"metadata\" or \"loopback,metadata\"")),
        }
    }
    Ok(serve)
}

/// What the one who writes it decides.
#[expect(clippy::unnecessary_wraps, reason = "it reads as the others do")]
pub(super) fn text(text: &str) -> Result<String, InvalidValue> {
    Ok(text.to_owned())
}

pub(super) fn token_lifetime(text: &str) -> Result<Duration, InvalidValue> {
    core_parse::token_lifetime(text).map(|seconds| Duration::from_secs(seconds.into()))
}

pub(super) fn startup_timeout(text: &str) -> Result<Duration, InvalidValue> {
    core_parse::startup_timeout(text).map(|seconds| Duration::from_secs(seconds.into()))
}

pub(super) fn log_level(text: &str) -> Result<LevelFilter, InvalidValue> {
    Ok(match core_parse::log_level(text)? {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => LevelFilter::INFO,
    })
}

/// As text of one's own.
pub(super) fn owned(
    parse: impl Fn(&str) -> Result<&str, InvalidValue>,
) -> impl Fn(&str) -> Result<String, InvalidValue> {
    move |text| parse(text).map(str::to_owned)
}
