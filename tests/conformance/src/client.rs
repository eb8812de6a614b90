//! A client as a file of `clients/LANGUAGE/` describes it. To add one is to add a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rolebridge_tests::error::{Context, Result};
use serde::Deserialize;

/// In every text `$HERE` is the language's folder and `$OUT` the one that its clients are installed to.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Client {
    /// The language.
    #[serde(skip)]
    pub(crate) language: String,
    /// The file's name, after the language's.
    #[serde(skip)]
    pub(crate) name: String,
    /// The language's folder.
    #[serde(skip)]
    pub(crate) here: PathBuf,
    /// As people call it.
    pub(crate) title: String,
    /// A script for bash that installs it into `$OUT`, where it is kept.
    pub(crate) install: String,
    /// Seconds that the installation may take.
    pub(crate) budget: u64,
    /// A script for bash that writes `NAME VERSION` on a line.
    pub(crate) versions: String,
    /// The program and its arguments. It reads `gs://$BUCKET/$OBJECT` from `$STORAGE_URL` and writes its content.
    pub(crate) program: Vec<String>,
    /// How it is told to trust the fakes' CA, `/etc/clouds/ca.crt`, and what else it needs to run at all.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// What it fetches.
    #[serde(default)]
    pub(crate) reads: Reads,
    /// What to use where it says no, for the table.
    #[serde(default)]
    pub(crate) advice: String,
}

/// What a client fetches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Reads {
    /// An object of Cloud Storage.
    #[default]
    Object,
    /// A table of `BigQuery`.
    Table,
}

/// Every client, by name.
pub(crate) fn read_all() -> Result<Vec<Client>> {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let mut all = Vec::new();
    for folder in entries(&clients)? {
        for file in entries(&folder)? {
            if file.extension().is_some_and(|extension| extension == "yaml") {
                all.push(read(&folder, &file)?);
            }
        }
    }
    Ok(all)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).context(format_args!("list {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .context(format_args!("list {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

fn read(folder: &Path, file: &Path) -> Result<Client> {
    let text = std::fs::read_to_string(file).context(format_args!("read {}", file.display()))?;
    let client: Client =
        serde_saphyr::from_str(&text).context(format_args!("understand {}", file.display()))?;
    let language = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = format!("{language}-{}", file.file_stem().unwrap_or_default().to_string_lossy());
    Ok(Client { language, name, here: folder.to_owned(), ..client })
}
