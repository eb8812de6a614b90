//! Reads environment variables, and reports those that are missing or invalid.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use rolebridge_core::aws::{Partition, RoleArn};
use rolebridge_core::env::sidecar as names;
use rolebridge_core::parse::InvalidValue;
use rolebridge_core::redact::Quoted;

use crate::error::Failure;
use crate::secret::Secret;

/// An environment. An empty variable counts as unset, because Kubernetes has no other way to unset one.
pub struct Env<'a>(&'a dyn Fn(&str) -> Option<OsString>);

impl fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Env")
    }
}

/// An environment variable that is missing or invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    variable: &'static str,
    expected: InvalidValue,
    found: String,
}

impl SettingsError {
    fn new(variable: &'static str, expected: InvalidValue, found: impl Into<String>) -> Self {
        Self { variable, expected, found: found.into() }
    }

    pub(super) fn other_partition(region: &str, partition: Partition, role: &RoleArn) -> Self {
        let expected = format!("a region of {}, the partition of the role {role}", role.partition().as_str());
        let found = format!("{region:?}, a region of the partition {}", partition.as_str());
        Self::new(names::AWS_REGION, InvalidValue::expected(expected), found)
    }

    pub(super) fn loopback_unavailable() -> Self {
        let expected = "\"metadata\", because \"loopback\" serves the session, and only that of the identity aws-role \
                        with its own role may do nothing but prove the identity";
        Self::new(names::SERVE, InvalidValue::expected(expected), "\"loopback\"")
    }

    pub(super) fn loopback_config_without_server() -> Self {
        let expected = format!("no value without {} for \"loopback\"", names::LOOPBACK_PORT);
        Self::new(names::LOOPBACK_CONFIG, InvalidValue::expected(expected), "one")
    }

    pub(super) fn id_token_without_service_account() -> Self {
        let expected = "\"access-token\" alone, because Google issues ID tokens only to service accounts";
        let hint = format!("set {}, or remove the ID token", names::SERVICE_ACCOUNT);
        Self::new(names::OUTPUTS, InvalidValue::with_hint(expected, hint), "an ID token")
    }

    pub(super) fn output_without_account(container: &str) -> Self {
        let expected = format!("only containers with their own account in {}", names::SERVICE_ACCOUNT);
        let hint = "set an account for the container there, or remove its outputs";
        Self::new(names::OUTPUTS, InvalidValue::with_hint(expected, hint), Quoted(container).to_string())
    }

    pub(super) fn too_high_port(port: u16, accounts: usize) -> Self {
        let expected = format!("a port that {} more follow, one for each further account", accounts - 1);
        Self::new(names::LOOPBACK_PORT, InvalidValue::expected(expected), format!("{port}"))
    }

    pub(super) fn without_service_account(variable: &'static str) -> Self {
        let expected = format!("no value without {}", names::SERVICE_ACCOUNT);
        let hint = format!("set {}, or unset this variable", names::SERVICE_ACCOUNT);
        Self::new(variable, InvalidValue::with_hint(expected, hint), "one")
    }
}

impl From<&SettingsError> for Failure {
    fn from(error: &SettingsError) -> Self {
        let SettingsError { variable, expected, found } = error;
        Self {
            message: format!("{variable}: {expected}, found {found}"),
            remediation: expected.hint().map(ToOwned::to_owned),
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::from(&error)
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Failure::from(self).fmt(f)
    }
}

impl std::error::Error for SettingsError {}

impl<'a> Env<'a> {
    /// Creates an environment from a function that returns a variable's value.
    pub fn new(variable: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self(variable)
    }

    /// Parses a variable that must be set. An unset one is parsed as an empty text, so that the error names the expected
    /// form.
    pub(super) fn required<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, InvalidValue>,
    ) -> Result<T, SettingsError> {
        match self.optional(name, &parse)? {
            Some(value) => Ok(value),
            None => parse("").map_err(|error| SettingsError::new(name, error, "no value")),
        }
    }

    /// Parses a variable if it is set.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, InvalidValue>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let parsed = value.to_str().map_or_else(|| Err(InvalidValue::expected("text in UTF-8")), parse);
        let found = || format!("{:?}", value.to_string_lossy());
        parsed.map(Some).map_err(|error| SettingsError::new(name, error, found()))
    }

    /// Like [`Env::required`], for a parser that borrows.
    pub(super) fn required_text(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<&str, InvalidValue>,
    ) -> Result<String, SettingsError> {
        self.required(name, |text| parse(text).map(str::to_owned))
    }

    /// Like [`Env::optional`], for a parser that borrows.
    pub(super) fn optional_text(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<&str, InvalidValue>,
    ) -> Result<Option<String>, SettingsError> {
        self.optional(name, |text| parse(text).map(str::to_owned))
    }

    /// Returns the text of a variable if it is set.
    pub(super) fn optional_raw(&self, name: &'static str) -> Result<Option<String>, SettingsError> {
        self.optional(name, |text| Ok(text.to_owned()))
    }

    /// Returns the absolute path in a variable that must be set.
    pub(super) fn required_path(&self, name: &'static str) -> Result<PathBuf, SettingsError> {
        self.required(name, absolute_path)
    }

    /// Returns the absolute path in a variable if it is set.
    pub(super) fn optional_path(&self, name: &'static str) -> Result<Option<PathBuf>, SettingsError> {
        self.optional(name, absolute_path)
    }

    /// Like [`Env::optional`], but the error does not show the value.
    pub(super) fn optional_secret(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<String, InvalidValue>,
    ) -> Result<Option<Secret>, SettingsError> {
        match self.optional(name, parse) {
            Ok(value) => Ok(value.map(Secret::new)),
            Err(error) => {
                let found = "an invalid value (hidden: it may contain a password)".to_owned();
                Err(SettingsError { found, ..error })
            }
        }
    }

    /// Returns the value of a variable. The variables of proxies may have lower-case names too.
    fn value(&self, name: &str) -> Option<OsString> {
        let value =
            |name: &str| (self.0)(name).filter(|value| !value.is_empty() && !is_service_link(name, value));
        value(name).or_else(|| {
            [names::HTTPS_PROXY, names::NO_PROXY]
                .contains(&name)
                .then(|| value(&name.to_ascii_lowercase()))?
        })
    }
}

/// Returns true for a variable that the kubelet sets for a Service of the namespace: `ROLEBRIDGE_METRICS_PORT` for the Service
/// `rolebridge-metrics`. The value would be the Service's address.
fn is_service_link(name: &str, value: &OsStr) -> bool {
    let is_address =
        |value: &str| ["tcp://", "udp://", "sctp://"].iter().any(|start| value.starts_with(start));
    name.ends_with("_PORT") && value.to_str().is_some_and(is_address)
}

fn absolute_path(text: &str) -> Result<PathBuf, InvalidValue> {
    let path = PathBuf::from(text);
    let is_file = path.is_absolute() && path.file_name().is_some();
    is_file.then_some(path).ok_or_else(|| InvalidValue::expected("the absolute path of a file"))
}
