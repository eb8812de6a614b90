//! Parses the value of each annotation once, so other modules handle no raw strings. Parsers that the sidecar needs too are
//! in `rolebridge_core`.

pub(super) mod kubernetes;
mod no_proxy;

pub use kubernetes::{ConfigMapKey, ParsedQuantity};
pub(crate) use kubernetes::{
    MIN_CPU, MIN_MEMORY_LIMIT, ca_bundle, container_names, cpu, memory, memory_limit,
};
pub(crate) use no_proxy::no_proxy;
use rolebridge_core::parse::InvalidValue;
pub(crate) use rolebridge_core::parse::{
    agent_uri, aws_credentials, emails, endpoint, endpoints, identity, is_region_name, log_level,
    pod_identity_uri, port, project, provider, proxy, proxy_variable, region, role, seconds, session_name,
    startup_timeout, token_lifetime, universe,
};
use rolebridge_core::service_accounts::ServiceAccounts;
use rolebridge_core::token_source::TokenSource;
use rolebridge_core::{annotations as key, token_outputs};

use super::token_source::TokenSources;

/// The maximum length of a value in bytes. The longest useful values are lists of hosts or containers, of a few hundred
/// bytes. The limit bounds the work of a parser, and the values that are copied into the patch.
pub(crate) const MAX_VALUE_LEN: usize = 16 << 10;

/// Checks the length of a value. This comes before a parser, whatever the origin of the value.
pub(crate) fn check_len(text: &str) -> Result<(), InvalidValue> {
    if text.len() <= MAX_VALUE_LEN {
        return Ok(());
    }
    Err(InvalidValue::with_hint(format!("at most {MAX_VALUE_LEN} bytes"), "shorten the value"))
}

/// Parses the lifetime of the projected AWS token in seconds.
pub(crate) fn aws_token_lifetime(text: &str) -> Result<u32, InvalidValue> {
    seconds(text, 600, 86_400)
}

/// Validates the list of token files and returns it unchanged.
pub(crate) fn outputs(text: &str) -> Result<&str, InvalidValue> {
    token_outputs::parse(text).map(|_| text)
}

/// Returns true if the value of an annotation is valid, independently of other settings.
#[must_use]
pub fn is_valid_value(annotation: &str, text: &str) -> bool {
    check(annotation, text).is_ok()
}

/// Validates the value of an annotation, independently of other settings.
pub(crate) fn check(annotation: &str, text: &str) -> Result<(), InvalidValue> {
    match annotation {
        key::PROVIDER => provider(text).map(drop),
        key::SERVICE_ACCOUNT => ServiceAccounts::parse(text).map(drop),
        key::DELEGATES => emails(text).map(drop),
        key::IDENTITY => identity(text).map(drop),
        key::SOURCE => TokenSources::parse(text, TokenSource::Loopback).map(drop),
        key::ROLE_ARN => role(text).map(drop),
        key::AWS_TOKEN_LIFETIME => aws_token_lifetime(text).map(drop),
        key::AWS_CREDENTIALS => aws_credentials(text).map(drop),
        key::AWS_REGION => region(text).map(drop),
        key::SESSION_NAME => session_name(text).map(drop),
        key::PROJECT | key::QUOTA_PROJECT => project(text).map(drop),
        key::TOKEN_LIFETIME => token_lifetime(text).map(drop),
        key::CONTAINERS | key::SKIP_CONTAINERS | key::START_AFTER => container_names(text).map(drop),
        key::OUTPUTS => outputs(text).map(drop),
        key::PORT | key::METRICS_PORT => port(text).map(drop),
        key::AWS_STS_ENDPOINT | key::IAM_CREDENTIALS_ENDPOINT => endpoint(text).map(drop),
        key::STS_ENDPOINT => endpoints(text).map(drop),
        key::UNIVERSE_DOMAIN => universe(text).map(drop),
        key::CA_BUNDLE => ca_bundle(text).map(drop),
        key::HTTPS_PROXY => proxy(text).map(drop),
        key::NO_PROXY => no_proxy(text).map(drop),
        key::STARTUP_TIMEOUT => startup_timeout(text).map(drop),
        key::CPU_REQUEST | key::CPU_LIMIT => cpu(text).map(drop),
        key::MEMORY_REQUEST => memory(text).map(drop),
        key::MEMORY_LIMIT => memory_limit(text).map(drop),
        key::LOG_LEVEL => log_level(text).map(drop),
        _ => Err(InvalidValue::expected("a setting that the defaults may contain")),
    }
}
