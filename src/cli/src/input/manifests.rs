//! The input of a command: documents, the service accounts and namespaces among them, and the defaults.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rolebridge_inject::{Context, Defaults, ObjectMetadata};
use serde_json::Value;

use crate::error::CliError;
use crate::input::document::Document;
use crate::input::env_objects::EnvObjects;
use crate::input::object::Object;
use crate::input::ordered_value::OrderedValue;
use crate::limits::Limits;
use crate::options::InputOptions;

/// The documents to decide about, with the objects and defaults that the decisions are based on.
#[derive(Debug)]
pub(crate) struct Manifests {
    pub(crate) documents: Vec<Document>,
    defaults: Defaults,
    namespace: String,
    service_accounts: BTreeMap<(String, String), ObjectMetadata>,
    namespaces: BTreeMap<String, ObjectMetadata>,
    /// The objects from which containers get variables.
    pub(crate) env_objects: EnvObjects,
    /// The limits by namespace.
    limits: BTreeMap<String, Limits>,
    /// The reason why the limits are unknown.
    pub(crate) unknown_limits: Option<String>,
    /// The sentence that API servers do not call the release for the pod.
    pub(crate) not_selected: Option<String>,
}

impl Manifests {
    /// Reads manifests from files, folders and standard input (`-`).
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read or parsed, or if there is no object in the input.
    pub(crate) fn read(
        paths: &[PathBuf],
        options: &InputOptions,
        namespace: Option<&str>,
    ) -> Result<Self, CliError> {
        let mut documents = Vec::new();
        for path in paths.iter().map(|path| list_files(path)).collect::<Result<Vec<_>, _>>()?.concat() {
            let is_stdin = path.as_os_str() == "-";
            let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
            documents.extend(Document::read_all(&name, &read_text(&path)?)?);
        }
        if documents.iter().all(|document| document.root == OrderedValue::Scalar(Value::Null)) {
            return Err(CliError::Empty);
        }
        let defaults = options.defaults.as_deref().map_or_else(|| Ok(Defaults::default()), read_defaults)?;
        Ok(Self::new(documents, defaults, namespace.unwrap_or("default").to_owned()))
    }

    /// Indexes documents. `namespace` is the namespace of objects without one.
    pub(crate) fn new(documents: Vec<Document>, defaults: Defaults, namespace: String) -> Self {
        let mut manifests = Self {
            documents,
            defaults,
            namespace,
            service_accounts: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            env_objects: EnvObjects::default(),
            limits: BTreeMap::new(),
            unknown_limits: None,
            not_selected: None,
        };
        manifests.index();
        manifests
    }

    /// Returns the sidecar image that new pods get.
    pub(crate) fn sidecar_image(&self) -> &str {
        self.defaults.image()
    }

    /// Returns the namespace of an object.
    pub(crate) fn namespace<'a>(&'a self, object: &Object<'a>) -> &'a str {
        object.root.text(&["metadata", "namespace"]).unwrap_or(&self.namespace)
    }

    /// Returns the context in which a pod is admitted.
    pub(crate) fn context<'a>(&'a self, namespace: &'a str, service_account: &str) -> Context<'a> {
        let account = (namespace.to_owned(), service_account.to_owned());
        Context {
            namespace,
            service_account: self.service_accounts.get(&account),
            namespace_metadata: self.namespaces.get(namespace),
            defaults: &self.defaults,
        }
    }

    /// Returns the known limits of a namespace.
    pub(crate) fn limits(&self, namespace: &str) -> Option<&Limits> {
        self.limits.get(namespace)
    }

    /// Adds a limit or a quota of a namespace.
    pub(crate) fn add_limit(&mut self, namespace: &str, kind: &str, object: Value) {
        self.limits.entry(namespace.to_owned()).or_default().add(kind, object);
    }

    fn index(&mut self) {
        let (mut service_accounts, mut namespaces) = (BTreeMap::new(), BTreeMap::new());
        let mut env_objects = EnvObjects::default();
        let mut limits: BTreeMap<String, Limits> = BTreeMap::new();
        for object in self.documents.iter().flat_map(Document::objects) {
            match object.kind() {
                "ServiceAccount" => {
                    let key = (self.namespace(&object).to_owned(), object.name().to_owned());
                    service_accounts.insert(key, metadata(object.root));
                }
                "Namespace" => drop(namespaces.insert(object.name().to_owned(), metadata(object.root))),
                kind @ ("LimitRange" | "ResourceQuota") => {
                    let limits = limits.entry(self.namespace(&object).to_owned()).or_default();
                    limits.add(kind, serde_json::to_value(object.root).unwrap_or_default());
                }
                _ => env_objects.add(&object, self.namespace(&object)),
            }
        }
        (self.service_accounts, self.namespaces) = (service_accounts, namespaces);
        (self.env_objects, self.limits) = (env_objects, limits);
    }
}

fn metadata(object: &OrderedValue) -> ObjectMetadata {
    let pairs = |key: &str| {
        let fields = object.find(&["metadata", key]).map(OrderedValue::fields).unwrap_or_default();
        let pair =
            |(key, value): &'_ (String, OrderedValue)| Some((key.clone(), value.text(&[])?.to_owned()));
        fields.iter().filter_map(pair).collect::<Vec<_>>()
    };
    ObjectMetadata::new(pairs("annotations"), pairs("labels"))
}

/// Returns the files of a path: the path itself, or the manifests of a folder.
fn list_files(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let read_error = |source| CliError::File { path: path.to_owned(), source };
    let is_manifest = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
    };
    let entries =
        std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(read_error)?;
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(is_manifest).collect();
    files.sort();
    if files.is_empty() { Err(CliError::NoManifests { path: path.to_owned() }) } else { Ok(files) }
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read_text(path: &Path) -> Result<String, CliError> {
    let mut bytes = Vec::new();
    open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .and_then(|_| decode(bytes))
        .map_err(|source| CliError::File { path: path.to_owned(), source })
}

/// Decodes a text. Editors and shells of Windows write a byte order mark, which no JSON parser accepts, and Windows PowerShell
/// writes UTF-16.
fn decode(bytes: Vec<u8>) -> io::Result<String> {
    let invalid =
        || io::Error::new(io::ErrorKind::InvalidData, "expected text in UTF-8 or UTF-16, found other bytes");
    let utf_16 = |unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes[2..].as_chunks();
        let units: Vec<_> = pairs.iter().copied().map(unit).collect();
        String::from_utf16(&units).ok().filter(|_| rest.is_empty()).ok_or_else(invalid)
    };
    if bytes.starts_with(&[0xff, 0xfe]) {
        return utf_16(u16::from_le_bytes);
    }
    if bytes.starts_with(&[0xfe, 0xff]) {
        return utf_16(u16::from_be_bytes);
    }
    let text = String::from_utf8(bytes).map_err(|_| invalid())?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Reads the first bytes of a file, or of standard input for `-`.
pub(crate) fn read_up_to(path: &Path, limit: usize) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|source| CliError::File { path: path.to_owned(), source })?;
    Ok(bytes)
}

fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if path.as_os_str() == "-" { Ok(Box::new(io::stdin())) } else { Ok(Box::new(File::open(path)?)) }
}

/// Reads the platform team's defaults from `defaults.yaml` or from the ConfigMap that contains it.
///
/// # Errors
///
/// Returns an error if the file cannot be read or is invalid.
pub(crate) fn read_defaults(path: &Path) -> Result<Defaults, CliError> {
    const KEY: [&str; 2] = ["data", "defaults.yaml"];
    let text = read_text(path)?;
    let documents = Document::read_all(&path.display().to_string(), &text)?;
    let in_config_map =
        documents.iter().flat_map(Document::objects).find_map(|object| object.root.text(&KEY));
    Defaults::from_yaml(in_config_map.unwrap_or(&text))
        .map_err(|error| CliError::Defaults { path: path.to_owned(), message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::decode;

    #[rstest]
    #[case::utf_8(b"a\xc3\xa4", Some("a\u{e4}"))]
    #[case::byte_order_mark(b"\xef\xbb\xbf{}", Some("{}"))]
    #[case::powershell(b"\xff\xfe{\0}\0", Some("{}"))]
    #[case::big_endian(b"\xfe\xff\0{\0}", Some("{}"))]
    #[case::half_a_unit(b"\xff\xfe{", None)]
    #[case::other_encoding(b"a\xe4", None)]
    #[case::empty(b"", Some(""))]
    fn decode_reads_texts_of_windows(#[case] bytes: &[u8], #[case] expected: Option<&str>) {
        assert_eq!(decode(bytes.to_vec()).ok().as_deref(), expected);
    }
}
