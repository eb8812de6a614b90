//! The four places where a setting may stand, asked in order, and the sentence about a value that means nothing there.

use std::fmt;

use rolebridge_core::annotations::HTTPS_PROXY;
use rolebridge_core::parse::InvalidValue;
use rolebridge_core::redact::{Quoted, redact_userinfo};

use super::{Origin, Setting};
use crate::message::DisplayName;
use crate::{Context, Denial, Pod, Reason};

/// A value as it stood, not parsed yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawSetting<'a> {
    pub(crate) key: &'static str,
    pub(crate) text: &'a str,
    pub(crate) origin: Origin,
}

/// A pod and what else may say something about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Precedence<'a> {
    pub(crate) pod: &'a Pod<'a>,
    pub(crate) context: Context<'a>,
}

impl<'a> Precedence<'a> {
    /// An annotation of the pod, its service account or its namespace.
    pub(crate) fn annotated(&self, key: &'static str) -> Option<RawSetting<'a>> {
        let found = |origin| move |text| RawSetting { key, text, origin };
        let Context { service_account, namespace_metadata, .. } = self.context;
        (self.pod.annotation(key).map(found(Origin::Pod)))
            .or_else(|| service_account?.annotation(key).map(found(Origin::ServiceAccount)))
            .or_else(|| namespace_metadata?.annotation(key).map(found(Origin::Namespace)))
    }

    /// An annotation of the service account alone, such as EKS's.
    pub(crate) fn of_service_account(&self, key: &'static str) -> Option<RawSetting<'a>> {
        let text = self.context.service_account?.annotation(key)?;
        Some(RawSetting { key, text, origin: Origin::ServiceAccount })
    }

    /// What the defaults say.
    pub(crate) fn default(&self, key: &'static str) -> Option<RawSetting<'a>> {
        let text = self.context.defaults.setting(key)?;
        Some(RawSetting { key, text, origin: Origin::Defaults })
    }

    /// All four places.
    pub(crate) fn find(&self, key: &'static str) -> Option<RawSetting<'a>> {
        self.annotated(key).or_else(|| self.default(key))
    }

    /// A found value, parsed, unless the platform team locked the annotation.
    pub(crate) fn read<T>(
        &self,
        found: RawSetting<'a>,
        parse: impl FnOnce(&'a str) -> Result<T, InvalidValue>,
    ) -> Result<Setting<T>, Denial> {
        let RawSetting { key, text, origin } = found;
        if matches!(origin, Origin::Pod | Origin::ServiceAccount) && self.context.defaults.locks(key) {
            let message = format!(
                "{key} ({}) is locked by the platform team: only the namespace or the chart's defaults may set it.",
                self.describe_origin(origin)
            );
            return Err(refusal(Reason::Locked, origin, message));
        }
        match parse(text) {
            Ok(value) => Ok(Setting { value, origin }),
            Err(error) => Err(self.invalid(found, &error)),
        }
    }

    /// The value of an annotation that may be unset.
    pub(crate) fn optional<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&'a str) -> Result<T, InvalidValue>,
    ) -> Result<Option<Setting<T>>, Denial> {
        self.find(key).map(|found| self.read(found, parse)).transpose()
    }

    /// The value of an annotation that holds something even if nobody says it.
    pub(crate) fn or<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&'a str) -> Result<T, InvalidValue>,
        built_in: T,
    ) -> Result<Setting<T>, Denial> {
        Ok(self.optional(key, parse)?.unwrap_or(Setting::built_in(built_in)))
    }

    /// Denies a pod because of a value that cannot be parsed: `KEY on the pod: expected X, found "VALUE".`
    fn invalid(&self, found: RawSetting<'_>, error: &InvalidValue) -> Denial {
        let RawSetting { key, text, origin } = found;
        let text = if key == HTTPS_PROXY { redact_userinfo(text) } else { text.into() };
        let message = format!("{key} {}: {}.", self.describe_origin(origin), error.found(Quoted(&text)));
        refusal(Reason::BadValue, origin, message)
    }

    /// A refusal of a value: `KEY: "VALUE" (PLACE) END.` It is logged and stands in events, so a proxy's user and
    /// password are left out.
    pub(crate) fn deny(&self, found: RawSetting<'_>, reason: Reason, end: impl fmt::Display) -> Denial {
        let RawSetting { key, text, origin } = found;
        let text = if key == HTTPS_PROXY { redact_userinfo(text) } else { text.into() };
        let message = format!("{key}: {} ({}) {end}.", Quoted(&text), self.describe_origin(origin));
        refusal(reason, origin, message)
    }

    /// A place, as a sentence says it.
    pub(crate) fn describe_origin(&self, origin: Origin) -> String {
        match origin {
            Origin::Pod => "on the pod".to_owned(),
            Origin::ServiceAccount => {
                format!("on the service account {}", DisplayName(self.pod.service_account()))
            }
            Origin::Namespace => format!("on the namespace {}", self.context.namespace),
            Origin::Defaults => "in the chart's defaults".to_owned(),
            Origin::BuiltIn => "the default".to_owned(),
        }
    }
}

fn refusal(reason: Reason, origin: Origin, message: String) -> Denial {
    match origin {
        Origin::Pod => Denial::of_pod(reason, message),
        _ => Denial::of_settings(reason, message),
    }
}
