//! Reading environment variables, and the sentence when one is not right.

use std::ffi::OsString;
use std::fmt;

use rolebridge_core::env::sidecar as names;
use rolebridge_core::parse::InvalidValue;

use super::parse::Role;
use crate::secret::Secret;

/// An environment. An empty variable counts as absent: Kubernetes has no other way to unset one.
pub struct Variables<'a>(&'a dyn Fn(&str) -> Option<OsString>);

impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}

/// A variable that is missing or bad: what was found, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {found}: it must be {wanted}")]
pub struct SettingsError {
    variable: &'static str,
    found: String,
    wanted: String,
}

impl SettingsError {
    fn wrong(variable: &'static str, found: String, wrong: &InvalidValue) -> Self {
        Self { variable, found, wanted: wrong.expectation().to_owned() }
    }

    pub(super) fn other_partition(region: &str, partition: &str, role: &Role) -> Self {
        Self {
            variable: names::AWS_REGION,
            found: format!("is {region:?}, a region of the partition {partition}"),
            wanted: format!("a region of {}, the partition of the role {}", role.partition, role.arn),
        }
    }

    pub(super) fn no_loopback() -> Self {
        let found = "includes \"loopback\", which serves an AWS session".to_owned();
        let wanted = "\"metadata\", or the identity aws-role with a role of its own, whose session may do nothing else";
        Self { variable: names::SERVE, found, wanted: wanted.to_owned() }
    }

    pub(super) fn id_token_without_account() -> Self {
        let found = format!("names an ID token, and {} is not set", names::SERVICE_ACCOUNT);
        let wanted = "\"access-token\" alone, since Google gives ID tokens to service accounts only";
        Self { variable: names::OUTPUTS, found, wanted: wanted.to_owned() }
    }

    pub(super) fn without_account(variable: &'static str) -> Self {
        let found = format!("is set without {}", names::SERVICE_ACCOUNT);
        Self { variable, found, wanted: "unset, or stand beside the service account".to_owned() }
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
            None => parse("").map_err(|wrong| SettingsError::wrong(name, "is not set".to_owned(), &wrong)),
        }
    }

    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, InvalidValue>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let parsed = value.to_str().map_or_else(|| Err(InvalidValue::expected("text in UTF-8")), parse);
        let found = || format!("is {:?}", value.to_string_lossy());
        parsed.map(Some).map_err(|wrong| SettingsError::wrong(name, found(), &wrong))
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
                found: "is not right (it may hold a password, so it is not shown)".to_owned(),
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
