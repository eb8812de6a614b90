//! Reading environment variables, and the sentence when one is not right.

use std::ffi::OsString;
use std::fmt;

use rolebridge_core::aws::{Partition, RoleArn};
use rolebridge_core::env::sidecar as names;
use rolebridge_core::parse::InvalidValue;

use crate::secret::Secret;

/// An environment. An empty variable counts as absent: Kubernetes has no other way to unset one.
pub struct Variables<'a>(&'a dyn Fn(&str) -> Option<OsString>);

impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}

/// An environment variable that is missing or invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {}", expected.found(found))]
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

    pub(super) fn no_loopback() -> Self {
        let expected =
            "\"metadata\", because only the identity aws-role with its own role may serve \"loopback\"";
        Self::new(names::SERVE, InvalidValue::expected(expected), "\"loopback\"")
    }

    pub(super) fn id_token_without_account() -> Self {
        let expected = "\"access-token\" alone, because Google issues ID tokens only to service accounts";
        let hint = format!("set {}, or remove the ID token", names::SERVICE_ACCOUNT);
        Self::new(names::OUTPUTS, InvalidValue::with_hint(expected, hint), "an ID token")
    }

    pub(super) fn without_account(variable: &'static str) -> Self {
        let expected = format!("no value without {}", names::SERVICE_ACCOUNT);
        Self::new(variable, InvalidValue::expected(expected), "one")
    }
}

impl<'a> Variables<'a> {
    /// The environment that `variable` answers for.
    pub fn new(variable: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self(variable)
    }

    /// One that is absent is like an empty one to `parse`, which says what would be right.
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

    /// As [`Variables::optional`], but neither the value nor what is wrong with it is ever shown.
    pub(super) fn optional_secret(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<String, InvalidValue>,
    ) -> Result<Option<Secret>, SettingsError> {
        match self.optional(name, parse) {
            Ok(value) => Ok(value.map(Secret::new)),
            Err(error) => Err(SettingsError {
                found: "a value that is not shown, because it may hold a password".to_owned(),
                ..error
            }),
        }
    }

    /// Proxies are named in lower case too.
    fn value(&self, name: &str) -> Option<OsString> {
        let set = |name: &str| (self.0)(name).filter(|value| !value.is_empty());
        set(name).or_else(|| {
            [names::HTTPS_PROXY, names::NO_PROXY].contains(&name).then(|| set(&name.to_ascii_lowercase()))?
        })
    }
}
