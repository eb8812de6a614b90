//! `defaults.yaml` as it is written, and what may be wrong with it.

use std::collections::BTreeMap;
use std::fmt;

use rolebridge_core::annotations::{ALL, INJECT, PREFIX};
use rolebridge_core::parse::InvalidValue;
use rolebridge_core::redact::Quoted;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_saphyr::UserMessageFormatter;

use super::{Defaults, DefaultsError, PullPolicy};
use crate::pattern::Pattern;
use crate::settings::check;
use crate::unknown_keys;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Document {
    sidecar: Sidecar,
    settings: BTreeMap<String, Scalar>,
    allowed: Allowed,
    locked: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Sidecar {
    image: Option<String>,
    image_pull_policy: Option<PullPolicy>,
    image_pull_secrets: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Allowed {
    providers: Vec<String>,
    service_accounts: Vec<String>,
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, DefaultsError> {
        let document: Option<Self> = serde_saphyr::from_str(text).map_err(|error| {
            let error = error.render_with_formatter(&UserMessageFormatter);
            DefaultsError(format!("defaults.yaml: {error}"))
        })?;
        Ok(document.unwrap_or_default())
    }

    pub(super) fn check(self) -> Result<Defaults, DefaultsError> {
        let Defaults { image, image_pull_policy, locked, .. } = Defaults::default();
        Ok(Defaults {
            image: self.sidecar.image.map_or(Ok(image), check_image)?,
            image_pull_policy: self.sidecar.image_pull_policy.unwrap_or(image_pull_policy),
            image_pull_secrets: self.sidecar.image_pull_secrets,
            settings: settings(self.settings)?,
            allowed_providers: patterns("allowed.providers", &self.allowed.providers)?,
            allowed_service_accounts: patterns("allowed.serviceAccounts", &self.allowed.service_accounts)?,
            locked: match self.locked {
                Some(names) => names.iter().map(|name| key("locked", name)).collect::<Result<_, _>>()?,
                None => locked,
            },
        })
    }
}

fn error(place: &str, value: &str, end: impl fmt::Display) -> DefaultsError {
    DefaultsError(format!("defaults.yaml: {place}: {} {end}.", Quoted(value)))
}

fn invalid(name: &str, value: &str, error: &InvalidValue) -> DefaultsError {
    DefaultsError(format!("defaults.yaml: settings.{name}: {}.", error.found(Quoted(value))))
}

fn check_image(image: String) -> Result<String, DefaultsError> {
    if image.is_empty() || image.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(error("sidecar.image", &image, "is not the name of an image"));
    }
    Ok(image)
}

/// The whole key of an annotation that is named without its prefix.
fn key(place: &str, name: &str) -> Result<&'static str, DefaultsError> {
    let whole = format!("{PREFIX}{name}");
    let known = ALL.iter().find(|annotation| annotation.key == whole && annotation.key != INJECT);
    known.map(|annotation| annotation.key).ok_or_else(|| {
        let nearest = unknown_keys::closest_match(name);
        let suggestion = match nearest.filter(|nearest| *nearest != INJECT).and_then(|nearest| nearest.strip_prefix(PREFIX)) {
            Some(nearest) => format!("; did you mean {nearest:?}?"),
            None => ".".to_owned(),
        };
        DefaultsError(format!(
            "defaults.yaml: {place}: {} is no annotation that the defaults may name, without {PREFIX}{suggestion}",
            Quoted(name)
        ))
    })
}

fn settings(given: BTreeMap<String, Scalar>) -> Result<BTreeMap<&'static str, String>, DefaultsError> {
    let setting = |(name, Scalar(value)): (String, Scalar)| {
        let key = key("settings", &name)?;
        check(key, &value).map_err(|error| invalid(&name, &value, &error))?;
        Ok((key, value))
    };
    given.into_iter().map(setting).collect()
}

fn patterns(place: &str, given: &[String]) -> Result<Vec<Pattern>, DefaultsError> {
    let pattern = |text: &String| Pattern::parse(text).map_err(|end| error(place, text, end));
    given.iter().map(pattern).collect()
}

/// A setting's value: an annotation is always a string, but nobody quotes a port in YAML.
#[derive(Debug)]
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor).map(Self)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
}
