//! Parses and validates `defaults.yaml`.

use std::collections::BTreeMap;
use std::fmt;

use rolebridge_core::annotations::{ALL, INJECT, PREFIX};
use rolebridge_core::parse::InvalidValue;
use rolebridge_core::redact::Quoted;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_saphyr::UserMessageFormatter;

use super::model::{Defaults, DefaultsError, PullPolicy};
use crate::pattern::Pattern;
use crate::settings::parse::{check, check_len};
use crate::unknown_keys;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Document {
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
    roles: Vec<String>,
}

impl Defaults {
    /// Parses the document. Values that it does not set are those of [`Defaults::default`].
    ///
    /// # Errors
    ///
    /// Returns an error with the location if the text is not YAML, has an unknown key or an invalid value.
    pub fn from_yaml(text: &str) -> Result<Self, DefaultsError> {
        Document::parse(text)?.validate()
    }
}

impl Document {
    fn parse(text: &str) -> Result<Self, DefaultsError> {
        let document: Option<Self> = serde_saphyr::from_str(text).map_err(|error| {
            let error = error.render_with_formatter(&UserMessageFormatter);
            DefaultsError(format!("defaults.yaml: {error}"))
        })?;
        Ok(document.unwrap_or_default())
    }

    fn validate(self) -> Result<Defaults, DefaultsError> {
        let Defaults { image, image_pull_policy, locked, .. } = Defaults::default();
        Ok(Defaults {
            image: self.sidecar.image.map_or(Ok(image), validate_image)?,
            image_pull_policy: self.sidecar.image_pull_policy.unwrap_or(image_pull_policy),
            image_pull_secrets: self.sidecar.image_pull_secrets,
            settings: settings(self.settings)?,
            allowed_providers: patterns("allowed.providers", &self.allowed.providers)?,
            allowed_service_accounts: patterns("allowed.serviceAccounts", &self.allowed.service_accounts)?,
            allowed_roles: patterns("allowed.roles", &self.allowed.roles)?,
            locked: match self.locked {
                Some(names) => {
                    names.iter().map(|name| annotation_key("locked", name)).collect::<Result<_, _>>()?
                }
                None => locked,
            },
        })
    }
}

fn invalid(path: &str, value: &str, error: &InvalidValue) -> DefaultsError {
    DefaultsError(format!("defaults.yaml: {path}: {}.", error.found(Quoted(value))))
}

fn validate_image(image: String) -> Result<String, DefaultsError> {
    if image.is_empty() || image.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(invalid("sidecar.image", &image, &InvalidValue::expected("the name of an image")));
    }
    Ok(image)
}

/// Returns the full key of an annotation that the document names without its prefix.
fn annotation_key(path: &str, name: &str) -> Result<&'static str, DefaultsError> {
    let key = format!("{PREFIX}{name}");
    let known = ALL.iter().find(|annotation| annotation.key == key && annotation.key != INJECT);
    known.map(|annotation| annotation.key).ok_or_else(|| {
        let closest = unknown_keys::closest_match(name).filter(|closest| *closest != INJECT);
        let suggestion = match closest.and_then(|closest| closest.strip_prefix(PREFIX)) {
            Some(closest) => format!(" Did you mean {closest:?}?"),
            None => String::new(),
        };
        DefaultsError(format!(
            "defaults.yaml: {path}: expected an annotation without {PREFIX}, found {}.{suggestion}",
            Quoted(name)
        ))
    })
}

fn settings(scalars: BTreeMap<String, Scalar>) -> Result<BTreeMap<&'static str, String>, DefaultsError> {
    let setting = |(name, Scalar(value)): (String, Scalar)| {
        let key = annotation_key("settings", &name)?;
        let path = format!("settings.{name}");
        check_len(&value).map_err(|error| {
            let found = error.found(format_args!("{} bytes", value.len())).to_string();
            DefaultsError(format!("defaults.yaml: {path}: {found}."))
        })?;
        check(key, &value).map_err(|error| invalid(&path, &value, &error))?;
        Ok((key, value))
    };
    scalars.into_iter().map(setting).collect()
}

fn patterns(path: &str, texts: &[String]) -> Result<Vec<Pattern>, DefaultsError> {
    let pattern = |text: &String| Pattern::parse(text).map_err(|error| invalid(path, text, &error));
    texts.iter().map(pattern).collect()
}

/// A setting's value as text: annotations are strings, but a port in YAML is usually not quoted.
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
