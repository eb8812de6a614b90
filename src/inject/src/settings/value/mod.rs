//! Each annotation's value, parsed once: nothing further in handles a raw string.

mod aws;
mod google;
mod kubernetes;
mod network;

use rolebridge_contract::annotations as key;
use rolebridge_contract::outputs;

pub use aws::Role;
pub(crate) use aws::{credentials, identity, region, role, session_name};
pub(crate) use google::{delegates, email, project, provider, universe};
pub use kubernetes::{Amount, CaBundle};
pub(crate) use kubernetes::{
    LEAST_CPU, LEAST_MEMORY_LIMIT, ca_bundle, container_names, cpu, is_container_name, memory, memory_limit,
};
pub(crate) use network::{endpoint, no_proxy, port, proxy};

use super::places::Fault;
use super::sources::{Source, Sources};

/// A whole number of seconds from `least` to `most`, in plain digits.
pub(crate) fn seconds(text: &str, least: u32, most: u32) -> Result<u32, Fault> {
    digits(text)
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| Fault::bad(format!("is not a number of seconds from {least} to {most}")))
}

/// `+5` is a number to Rust, but not to a reader.
fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Seconds of an impersonated token.
pub(crate) fn token_lifetime(text: &str) -> Result<u32, Fault> {
    seconds(text, 600, 43_200)
}

/// Seconds of the projected AWS token.
pub(crate) fn aws_token_lifetime(text: &str) -> Result<u32, Fault> {
    seconds(text, 600, 86_400)
}

/// Seconds that a sidecar may take to its first token.
pub(crate) fn startup_timeout(text: &str) -> Result<u32, Fault> {
    seconds(text, 1, 86_400)
}

/// How much the sidecar logs.
pub(crate) fn log_level(text: &str) -> Result<&str, Fault> {
    if ["error", "warn", "info", "debug", "trace"].contains(&text) {
        return Ok(text);
    }
    Err(Fault::bad("is not a log level: error, warn, info, debug or trace"))
}

/// Further files, as they were written.
pub(crate) fn outputs(text: &str) -> Result<&str, Fault> {
    outputs::parse(text).map(|_| text).map_err(Fault::bad)
}

/// Whether a value of an annotation means something at all, whatever else is said: for `defaults.yaml`.
pub(crate) fn check(annotation: &str, text: &str) -> Result<(), Fault> {
    match annotation {
        key::PROVIDER => provider(text).map(drop),
        key::SERVICE_ACCOUNT => email(text).map(drop),
        key::DELEGATES => delegates(text).map(drop),
        key::IDENTITY => identity(text).map(drop),
        key::SOURCE => Sources::parse(text, Source::Loopback).map(drop),
        key::ROLE_ARN => role(text).map(drop),
        key::AWS_TOKEN_LIFETIME => aws_token_lifetime(text).map(drop),
        key::AWS_CREDENTIALS => credentials(text).map(drop),
        key::AWS_REGION => region(text).map(drop),
        key::SESSION_NAME => session_name(text).map(drop),
        key::PROJECT | key::QUOTA_PROJECT => project(text).map(drop),
        key::TOKEN_LIFETIME => token_lifetime(text).map(drop),
        key::CONTAINERS | key::SKIP_CONTAINERS => container_names(text).map(drop),
        key::OUTPUTS => outputs(text).map(drop),
        key::PORT | key::METRICS_PORT => port(text).map(drop),
        key::AWS_STS_ENDPOINT | key::STS_ENDPOINT | key::IAM_CREDENTIALS_ENDPOINT => endpoint(text).map(drop),
        key::UNIVERSE_DOMAIN => universe(text).map(drop),
        key::CA_BUNDLE => ca_bundle(text).map(drop),
        key::HTTPS_PROXY => proxy(text).map(drop),
        key::NO_PROXY => no_proxy(text).map(drop),
        key::STARTUP_TIMEOUT => startup_timeout(text).map(drop),
        key::CPU_REQUEST | key::CPU_LIMIT => cpu(text).map(drop),
        key::MEMORY_REQUEST => memory(text).map(drop),
        key::MEMORY_LIMIT => memory_limit(text).map(drop),
        key::LOG_LEVEL => log_level(text).map(drop),
        _ => Err(Fault::bad("is the value of no setting that the defaults may have")),
    }
}
