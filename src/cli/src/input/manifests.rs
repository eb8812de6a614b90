//! Everything that a command was given: documents, the service accounts and namespaces among them, the defaults.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use rolebridge_inject::{Context, Defaults, ObjectMetadata};
use serde_json::Value;

use crate::args::InputOptions;
use crate::error::CliError;
use crate::input::document::Document;
use crate::input::object::Object;
use crate::input::ordered_value::OrderedValue;

/// What there is to judge, and by what.
#[derive(Debug)]
pub(crate) struct Manifests {
    pub(crate) documents: Vec<Document>,
    defaults: Defaults,
    namespace: String,
    service_accounts: BTreeMap<(String, String), ObjectMetadata>,
    namespaces: BTreeMap<String, ObjectMetadata>,
}

impl Manifests {
    /// From files.
    pub(crate) fn read(paths: &[PathBuf], input: InputOptions) -> Result<Self, CliError> {
        let mut documents = Vec::new();
        for path in paths.iter().map(|path| files(path)).collect::<Result<Vec<_>, _>>()?.concat() {
            let is_input = path.as_os_str() == "-";
            let name = if is_input { "standard input".to_owned() } else { path.display().to_string() };
            documents.extend(Document::read_all(&name, &text(&path)?)?);
        }
        if documents.iter().all(|document| document.root == OrderedValue::Scalar(Value::Null)) {
            return Err(CliError::Empty);
        }
        let defaults = input.defaults.as_deref().map_or_else(|| Ok(Defaults::default()), defaults)?;
        let namespace = input.namespace.unwrap_or_else(|| "default".to_owned());
        Ok(Self::new(documents, defaults, namespace))
    }

    /// From documents, the defaults, and the namespace of what names none.
    pub(crate) fn new(documents: Vec<Document>, defaults: Defaults, namespace: String) -> Self {
        let mut manifests = Self {
            documents,
            defaults,
            namespace,
            service_accounts: BTreeMap::new(),
            namespaces: BTreeMap::new(),
        };
        manifests.index();
        manifests
    }

    /// The sidecar that is injected now.
    pub(crate) fn sidecar_image(&self) -> &str {
        self.defaults.image()
    }

    /// The namespace of an object.
    pub(crate) fn namespace<'a>(&'a self, object: &Object<'a>) -> &'a str {
        object.node.text(&["metadata", "namespace"]).unwrap_or(&self.namespace)
    }

    /// What a pod is judged by.
    pub(crate) fn context<'a>(&'a self, namespace: &'a str, service_account: &str) -> Context<'a> {
        let account = (namespace.to_owned(), service_account.to_owned());
        Context {
            namespace,
            service_account: self.service_accounts.get(&account),
            namespace_metadata: self.namespaces.get(namespace),
            defaults: &self.defaults,
        }
    }

    fn index(&mut self) {
        let (mut service_accounts, mut namespaces) = (BTreeMap::new(), BTreeMap::new());
        for object in self.documents.iter().flat_map(Document::objects) {
            match object.kind() {
                "ServiceAccount" => {
                    let key = (self.namespace(&object).to_owned(), object.name().to_owned());
                    service_accounts.insert(key, metadata(object.node));
                }
                "Namespace" => drop(namespaces.insert(object.name().to_owned(), metadata(object.node))),
                _ => {}
            }
        }
        (self.service_accounts, self.namespaces) = (service_accounts, namespaces);
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

/// The files that a path stands for: itself, or a folder's manifests.
fn files(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |source| CliError::Read { path: path.to_owned(), source };
    let is_manifest = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
    };
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed)?;
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(is_manifest).collect();
    files.sort();
    if files.is_empty() { Err(CliError::NoManifests { path: path.to_owned() }) } else { Ok(files) }
}

/// What a file holds; `-` is standard input.
pub(crate) fn text(path: &Path) -> Result<String, CliError> {
    let read = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|source| CliError::Read { path: path.to_owned(), source })
}

/// The platform team's document: itself, or the ConfigMap that carries it.
pub(crate) fn defaults(path: &Path) -> Result<Defaults, CliError> {
    const KEY: [&str; 2] = ["data", "defaults.yaml"];
    let text = text(path)?;
    let documents = Document::read_all(&path.display().to_string(), &text)?;
    let carried = documents.iter().flat_map(Document::objects).find_map(|object| object.node.text(&KEY));
    Defaults::from_yaml(carried.unwrap_or(&text))
        .map_err(|error| CliError::Defaults { path: path.to_owned(), message: error.to_string() })
}
