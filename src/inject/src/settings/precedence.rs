//! Looks a setting up by precedence: pod, service account, namespace, defaults. Denies invalid values.

use std::fmt;

use rolebridge_core::annotations::{HTTPS_PROXY, PREFIX};
use rolebridge_core::parse::InvalidValue;
use rolebridge_core::redact::{Quoted, redact_userinfo};

use super::origin::{Origin, Setting};
use super::{app_env, parse};
use crate::context::Context;
use crate::denial::Denial;
use crate::message::DisplayName;
use crate::metadata_dependency::MetadataDependency;
use crate::reason::Reason;
use crate::view::Pod;

/// An unparsed value with its key and origin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawSetting<'a> {
    pub(crate) key: &'static str,
    pub(crate) text: &'a str,
    pub(crate) origin: Origin,
}

/// The pod and the other objects that hold settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Precedence<'a> {
    pub(crate) pod: &'a Pod<'a>,
    pub(crate) context: Context<'a>,
}

impl<'a> Precedence<'a> {
    /// Returns an annotation of the pod, else of its service account, else of its namespace.
    pub(crate) fn annotated(&self, key: &'static str) -> Option<RawSetting<'a>> {
        let raw = |origin| move |text| RawSetting { key, text, origin };
        let Context { service_account, namespace_metadata, .. } = self.context;
        (self.pod.annotation(key).map(raw(Origin::Pod)))
            .or_else(|| service_account?.annotation(key).map(raw(Origin::ServiceAccount)))
            .or_else(|| namespace_metadata?.annotation(key).map(raw(Origin::Namespace)))
    }

    /// Returns true if only the namespace and the chart's defaults may set the annotation.
    pub(crate) fn locks(&self, setting: &str) -> bool {
        self.context.defaults.locks(setting)
    }

    /// Returns EKS's annotation of the service account, from which a setting is derived unless it is locked.
    pub(crate) fn of_eks(&self, setting: &'static str, key: &'static str) -> Option<RawSetting<'a>> {
        let service_account = self.context.service_account.filter(|_| !self.locks(setting))?;
        Some(RawSetting { key, text: service_account.annotation(key)?, origin: Origin::ServiceAccount })
    }

    /// Returns the variable that the app containers agree on, from which a setting is derived unless it is locked.
    pub(crate) fn of_app(
        &self,
        setting: &'static str,
        names: &'static [&'static str],
    ) -> Option<RawSetting<'a>> {
        if self.locks(setting) { None } else { self.variable(names) }
    }

    /// Returns the first of the variables that the app containers agree on.
    pub(crate) fn variable(&self, names: &'static [&'static str]) -> Option<RawSetting<'a>> {
        let text = app_env::value(self.pod, names)?;
        Some(RawSetting { key: names.first()?, text, origin: Origin::Pod })
    }

    /// Returns the value in the chart's defaults.
    pub(crate) fn default(&self, key: &'static str) -> Option<RawSetting<'a>> {
        let text = self.context.defaults.setting(key)?;
        Some(RawSetting { key, text, origin: Origin::Defaults })
    }

    /// Returns the annotation, else the value in the chart's defaults.
    pub(crate) fn find(&self, key: &'static str) -> Option<RawSetting<'a>> {
        self.annotated(key).or_else(|| self.default(key))
    }

    /// Parses a value, unless the platform team locked its annotation.
    pub(crate) fn read<T>(
        &self,
        raw: RawSetting<'a>,
        parse: impl FnOnce(&'a str) -> Result<T, InvalidValue>,
    ) -> Result<Setting<T>, Denial> {
        let RawSetting { key, text, origin } = raw;
        if matches!(origin, Origin::Pod | Origin::ServiceAccount) && self.locks(key) {
            let message = format!(
                "{key} {}: expected no value, because it is locked by the platform team. Fix: remove it. Only the \
                 namespace or the chart's defaults may set it.",
                self.describe_origin(origin)
            );
            return Err(denial(Reason::Locked, raw, message));
        }
        self.check_len(raw)?;
        match parse(text) {
            Ok(value) => Ok(Setting { value, origin }),
            Err(error) => {
                let (expected, fix) = (error.expectation(), error.hint().unwrap_or_default());
                Err(self.deny(raw, Reason::BadValue, expected, fix))
            }
        }
    }

    /// Parses a value of the app's environment, which other programs read too. An invalid or too long one is ignored.
    pub(crate) fn read_variable<T>(
        raw: RawSetting<'a>,
        parse: impl FnOnce(&'a str) -> Result<T, InvalidValue>,
    ) -> Option<Setting<T>> {
        let value = parse::check_len(raw.text).and_then(|()| parse(raw.text));
        value.ok().map(|value| Setting { value, origin: raw.origin })
    }

    fn check_len(&self, raw: RawSetting<'_>) -> Result<(), Denial> {
        let RawSetting { key, text, origin } = raw;
        parse::check_len(text).map_err(|error| {
            let found = error.found(format_args!("{} bytes", text.len())).to_string();
            denial(Reason::BadValue, raw, format!("{key} {}: {found}.", self.describe_origin(origin)))
        })
    }

    /// Returns the parsed value of an annotation, if it is set.
    pub(crate) fn optional<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&'a str) -> Result<T, InvalidValue>,
    ) -> Result<Option<Setting<T>>, Denial> {
        self.find(key).map(|raw| self.read(raw, parse)).transpose()
    }

    /// Returns the parsed value of an annotation, else the built-in default.
    pub(crate) fn or<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&'a str) -> Result<T, InvalidValue>,
        built_in: T,
    ) -> Result<Setting<T>, Denial> {
        Ok(self.optional(key, parse)?.unwrap_or(Setting::built_in(built_in)))
    }

    /// Creates a denial because of a value: `KEY ORIGIN: expected EXPECTED, found "VALUE". Fix: FIX.` An empty `fix` is left
    /// out. The message is logged and becomes an event, so a proxy's user and password are redacted.
    pub(crate) fn deny(
        &self,
        raw: RawSetting<'_>,
        reason: Reason,
        expected: impl fmt::Display,
        fix: &str,
    ) -> Denial {
        let RawSetting { key, text, origin } = raw;
        let text = if key == HTTPS_PROXY { redact_userinfo(text) } else { text.into() };
        let (origin_text, found) = (self.describe_origin(origin), Quoted(&text));
        let message = if fix.is_empty() {
            format!("{key} {origin_text}: expected {expected}, found {found}.")
        } else {
            format!("{key} {origin_text}: expected {expected}, found {found}. Fix: {fix}.")
        };
        denial(reason, raw, message)
    }

    /// Creates a denial because of a value that a list of the platform team excludes.
    pub(crate) fn deny_excluded(&self, raw: RawSetting<'_>, list: &str) -> Denial {
        let namespace = self.context.namespace;
        let expected = format!("a value that the platform team's {list} allows in the namespace {namespace}");
        self.deny(raw, Reason::NotAllowed, expected, "")
    }

    /// Describes an origin for a message.
    pub(crate) fn describe_origin(&self, origin: Origin) -> String {
        match origin {
            Origin::Pod => "on the pod".to_owned(),
            Origin::ServiceAccount => {
                format!("on the service account {}", DisplayName(self.pod.service_account()))
            }
            Origin::Namespace => format!("on the namespace {}", self.context.namespace),
            Origin::Defaults => "in the chart's defaults".to_owned(),
            Origin::BuiltIn => "by default".to_owned(),
        }
    }
}

fn denial(reason: Reason, raw: RawSetting<'_>, message: String) -> Denial {
    let depends_on_metadata = match raw.origin {
        Origin::Pod => MetadataDependency::NONE,
        // The service account's own annotation takes precedence over the namespace's, but EKS's annotation does not.
        Origin::ServiceAccount if raw.key.starts_with(PREFIX) => MetadataDependency::SERVICE_ACCOUNT,
        _ => MetadataDependency::BOTH,
    };
    Denial { reason, message, depends_on_metadata }
}
