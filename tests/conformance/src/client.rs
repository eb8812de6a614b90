//! A client, as described by a file in `clients/LANGUAGE/`, `programs/FOLDER/` or `signing/LANGUAGE/`. To add a client, add a
//! file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rolebridge_tests::error::{Context, Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::install::Package;
use crate::job::Job;
use crate::signing::Signing;

/// A client. In every text, `$HERE` is the language's folder and `$OUT` the installation folder of its clients.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Client {
    /// The language.
    #[serde(skip)]
    pub(crate) language: String,
    /// The language and the name of the file.
    #[serde(skip)]
    pub(crate) name: String,
    /// The language's folder.
    #[serde(skip)]
    pub(crate) here: PathBuf,
    /// The name that users know.
    pub(crate) title: String,
    /// A bash script that installs the client into `$OUT`, which is kept between runs.
    pub(crate) install: String,
    /// The time limit of the installation, in seconds.
    pub(crate) budget: u64,
    /// A bash script that writes `NAME VERSION` on a line.
    pub(crate) versions: String,
    /// The program and its arguments. It reads `gs://$BUCKET/$OBJECT` from `$STORAGE_URL` and writes the content.
    pub(crate) program: Vec<String>,
    /// Environment variables that make the program trust the fakes' CA, `/etc/clouds/ca.crt`, and any other that it
    /// needs.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// The data that the program fetches.
    #[serde(default)]
    pub(crate) reads: Reads,
    /// The sources to use where the client does not work, for the table.
    #[serde(default)]
    pub(crate) advice: String,
    /// A program that no registry has. Without it, the client is omitted and its name printed.
    #[serde(default)]
    pub(crate) requires: Option<PathBuf>,
    /// The installation of any version, for the search of the versions that work.
    #[serde(default)]
    pub(crate) releases: Option<Releases>,
    /// The reason why no other version runs, for a client without `releases`.
    #[serde(default)]
    pub(crate) no_releases: Option<String>,
    /// True if the version is not pinned: it is that of the machine, or of the day. The files of results show it, and their
    /// comparison ignores it.
    #[serde(default)]
    pub(crate) unpinned: bool,
    /// The run that is longer than a token.
    #[serde(default)]
    pub(crate) longer: Longer,
    /// The job of a program, instead of a fetch.
    #[serde(default)]
    pub(crate) job: Option<Job>,
    /// For a client in `signing`: its part of the page.
    #[serde(default)]
    pub(crate) signing: Option<Signing>,
}

/// The run of a client that is longer than a token. Its program then repeats its work each second, in one process, until
/// `$REPEAT_SECONDS` are over.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Longer {
    /// The reason why it has no such run, for the table.
    #[serde(default)]
    pub(crate) none: Option<String>,
    /// The program and its arguments, if they differ: a command that lasts as long.
    #[serde(default)]
    pub(crate) program: Option<Vec<String>>,
    /// The text in the log of a program's long job, if it differs.
    #[serde(default)]
    pub(crate) expects: Option<String>,
    /// True if the program renews a token only after Google refused it: the refusal is then no failure, and the table says so.
    #[serde(default)]
    pub(crate) renews_after_refusal: bool,
    /// True if CI runs it, one client for each language.
    #[serde(default)]
    pub(crate) in_ci: bool,
}

/// The installation of any version of a client.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Releases {
    /// A bash script that writes each version on a line, in any order.
    pub(crate) list: String,
    /// A bash script that installs `$VERSION` into `$OUT`.
    pub(crate) install: String,
}

impl Client {
    /// Returns true if the program that the client requires is missing.
    pub(crate) fn is_omitted(&self) -> bool {
        self.requires.as_ref().is_some_and(|program| !program.exists())
    }

    /// Returns the installation folder, relative to that of all.
    pub(crate) fn folder(&self) -> String {
        let kind = if self.job.is_some() { "programs/" } else { "" };
        format!("{kind}{}", self.language)
    }

    /// Returns what its installation needs.
    pub(crate) fn package(&self) -> Package<'_> {
        Package {
            name: &self.name,
            here: &self.here,
            install: &self.install,
            versions: &self.versions,
            budget: self.budget,
        }
    }
}

/// The data that a client fetches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Reads {
    /// An object of Cloud Storage.
    #[default]
    Object,
    /// A table of `BigQuery`.
    Table,
    /// An object of Cloud Storage by its signed URL.
    SignedUrl,
    /// A service on Cloud Run, with an ID token.
    Service,
    /// An application behind Identity-Aware Proxy, with an ID token.
    Application,
}

/// Reads every client of `clients`, `programs` or `signing`, sorted by name.
pub(crate) fn read_all(kind: &str) -> Result<Vec<Client>> {
    let files = read_files(kind)?;
    let client = |(folder, stem, here, client): (String, String, PathBuf, Client)| Client {
        name: format!("{folder}-{stem}"),
        language: folder,
        here,
        ..client
    };
    Ok(files.into_iter().map(client).collect())
}

/// Reads every client of `clients`. Each has versions to search, or the reason why it has none.
pub(crate) fn read_libraries() -> Result<Vec<Client>> {
    let clients = read_all("clients")?;
    match clients.iter().find(|client| client.releases.is_some() == client.no_releases.is_some()) {
        Some(client) => Err(Error::new(format!("{}: expected one of releases and noReleases", client.name))),
        None => Ok(clients),
    }
}

/// Reads each `KIND/FOLDER/NAME.yaml`, sorted. Returns it with the folder's name, the file's, and the folder's path.
pub(crate) fn read_files<T: DeserializeOwned>(kind: &str) -> Result<Vec<(String, String, PathBuf, T)>> {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind);
    let mut all = Vec::new();
    for folder in entries(&folders)?.into_iter().filter(|path| path.is_dir()) {
        for file in entries(&folder)? {
            if file.extension().is_some_and(|extension| extension == "yaml") {
                let [name, stem] = [folder.file_name(), file.file_stem()]
                    .map(|name| name.unwrap_or_default().to_string_lossy());
                all.push((name.into_owned(), stem.into_owned(), folder.clone(), read(&file)?));
            }
        }
    }
    Ok(all)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).context(format_args!("failed to list {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .context(format_args!("failed to list {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let text = std::fs::read_to_string(file).context(format_args!("failed to read {}", file.display()))?;
    serde_saphyr::from_str(&text).context(format_args!("failed to parse {}", file.display()))
}
