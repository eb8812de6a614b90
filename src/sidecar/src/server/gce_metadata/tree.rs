//! The directories and values of the metadata server, built once.

use rolebridge_core::google::NO_SERVICE_ACCOUNT;
use serde_json::{Map, Value};

use crate::scopes::CLOUD_PLATFORM;

/// The values of the instance, from the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The impersonated service account; `None` for direct access.
    pub service_account: Option<String>,
    /// The number of the pool's project.
    pub project_number: String,
    /// The project's ID, if it is configured.
    pub project: Option<String>,
    /// Google's universe, such as `googleapis.com`.
    pub universe: String,
    /// The AWS region, if the identity has one.
    pub region: Option<String>,
    /// The pod's name.
    pub name: Option<String>,
}

/// An entry of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MetadataEntry {
    /// Named entries.
    Directory(Vec<(String, MetadataEntry)>),
    /// A string, a number or a list of strings.
    Value(Value),
    /// The path of the access tokens.
    AccessToken,
    /// The path of the ID tokens.
    IdToken,
    /// The email of an account that does not exist.
    NoEmail,
}

impl Instance {
    pub(super) fn impersonates(&self) -> bool {
        self.service_account.is_some()
    }

    pub(super) fn tree(&self) -> MetadataEntry {
        let v1 = directory([
            ("instance", self.instance()),
            ("project", self.project()),
            ("universe", directory([("universe-domain", text(&self.universe))])),
        ]);
        directory([("computeMetadata", directory([("v1", v1)]))])
    }

    /// Returns the values by which libraries for logs and traces name their resource: ID, name and zone. Libraries that
    /// remove the last part of the zone to get the region get AWS's region.
    fn instance(&self) -> MetadataEntry {
        let zone = self.region.as_ref();
        let zone = zone.map(|region| format!("projects/{}/zones/{region}-a", self.project_number));
        let entries = [
            ("hostname", self.name.as_deref().map(text)),
            ("id", self.name.as_deref().map(|name| MetadataEntry::Value(id(name).into()))),
            ("name", self.name.as_deref().map(text)),
            ("service-accounts", Some(self.service_accounts())),
            ("zone", zone.as_deref().map(text)),
        ];
        let attributes = ("attributes", directory([]));
        let entries = entries.into_iter().filter_map(|(name, entry)| Some((name, entry?)));
        directory(std::iter::once(attributes).chain(entries))
    }

    fn service_accounts(&self) -> MetadataEntry {
        let email = self.service_account.as_deref();
        let account = directory([
            ("aliases", list(&["default"])),
            ("email", email.map_or(MetadataEntry::NoEmail, text)),
            ("identity", MetadataEntry::IdToken),
            ("scopes", list(&[CLOUD_PLATFORM])),
            ("token", MetadataEntry::AccessToken),
        ]);
        directory([("default", account.clone()), (email.unwrap_or(NO_SERVICE_ACCOUNT), account)])
    }

    fn project(&self) -> MetadataEntry {
        let number = self.project_number.parse::<u64>().map_or_else(|_| Value::Null, Value::from);
        let id = self.project.as_deref().map(|id| ("project-id", text(id)));
        let entries = [("attributes", directory([])), ("numeric-project-id", MetadataEntry::Value(number))];
        directory(entries.into_iter().chain(id))
    }
}

fn directory<'a>(entries: impl IntoIterator<Item = (&'a str, MetadataEntry)>) -> MetadataEntry {
    MetadataEntry::Directory(entries.into_iter().map(|(name, entry)| (name.to_owned(), entry)).collect())
}

fn text(text: &str) -> MetadataEntry {
    MetadataEntry::Value(text.into())
}

fn list(texts: &[&str]) -> MetadataEntry {
    MetadataEntry::Value(texts.into())
}

/// Returns a number that stays the same when the pod's containers restart: a hash (FNV-1a) of at most 53 bits, which every
/// library can read as a JSON number.
fn id(name: &str) -> u64 {
    let hash = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, hash) >> 11
}

impl MetadataEntry {
    /// Returns the entry at a path. The path of a directory may end with a slash, the path of a value may not.
    pub(super) fn at(&self, path: &str) -> Option<&Self> {
        let mut entry = self;
        let mut names = path.trim_start_matches('/').split('/').peekable();
        while let Some(name) = names.next() {
            let Self::Directory(entries) = entry else { return None };
            if name.is_empty() && names.peek().is_none() {
                break;
            }
            entry = entries.iter().find(|(entry_name, _)| entry_name == name).map(|(_, entry)| entry)?;
        }
        Some(entry)
    }

    /// Returns the names in a directory, or a value, as lines.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Directory(entries) => entries.iter().map(|(name, entry)| entry.line(name)).collect(),
            Self::Value(Value::String(text)) => text.clone(),
            Self::Value(Value::Array(texts)) => {
                texts.iter().filter_map(Value::as_str).flat_map(|text| [text, "\n"]).collect()
            }
            Self::Value(other) => other.to_string(),
            Self::AccessToken | Self::IdToken | Self::NoEmail => String::new(),
        }
    }

    fn line(&self, name: &str) -> String {
        let slash = if matches!(self, Self::Directory(_)) { "/" } else { "" };
        format!("{name}{slash}\n")
    }

    /// Returns a directory with its values but without tokens, or a value.
    ///
    /// Only the directory of a single account has the name of an account that does not exist: Python's and C++'s libraries
    /// require it there to read a token. In the list of accounts, older versions of Java's library look for an email to sign with.
    pub(super) fn json(&self) -> Option<Value> {
        self.json_with(|entry| match entry {
            Self::NoEmail => Some(NO_SERVICE_ACCOUNT.into()),
            entry => entry.nested_json(),
        })
    }

    fn nested_json(&self) -> Option<Value> {
        self.json_with(Self::nested_json)
    }

    fn json_with(&self, value_of: impl Fn(&Self) -> Option<Value>) -> Option<Value> {
        match self {
            Self::Directory(entries) => {
                let values =
                    entries.iter().filter_map(|(name, entry)| Some((camel_case(name), value_of(entry)?)));
                Some(Value::Object(values.collect::<Map<_, _>>()))
            }
            Self::Value(value) => Some(value.clone()),
            Self::AccessToken | Self::IdToken | Self::NoEmail => None,
        }
    }
}

/// Converts a name to the metadata server's form in JSON. An email is unchanged.
fn camel_case(name: &str) -> String {
    if name.contains('.') {
        return name.to_owned();
    }
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let mut letters = part.chars();
        let upper = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &upper.into_iter().chain(letters).collect::<String>()
    })
}
