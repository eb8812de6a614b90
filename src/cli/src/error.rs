//! What ends a command, for the person who typed it.

use std::path::PathBuf;

/// Why a command could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A file cannot be read.
    #[error("{}: {source}", .path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// A folder has nothing to read.
    #[error(
        "{}: it holds no manifest: files that end in .yaml, .yml or .json would be right. Folders in it are not looked \
         into.", .path.display()
    )]
    NoManifests { path: PathBuf },
    /// What was read is empty.
    #[error("There is no object in what was read: manifests in YAML or JSON would be right.")]
    Empty,
    /// A document is no YAML.
    #[error("{place}: {message}")]
    Yaml { place: String, message: String },
    /// A document is not what its kind says.
    #[error("{place}, {title}: {what}.")]
    InvalidObject { place: String, title: String, what: String },
    /// The defaults cannot be used.
    #[error("{}: {message}", .path.display())]
    Defaults { path: PathBuf, message: String },
    /// There is nothing of that name.
    #[error("There is no {wanted} in what was read; there is {there}.")]
    NotFound { wanted: String, there: String },
    /// The cluster does not answer, or not what was asked.
    #[error("the cluster: {0}")]
    Cluster(String),
    /// The defaults cannot be told.
    #[error(
        "{count} releases of the chart in {place} have a ConfigMap with the defaults; one would be right. \
         --release-namespace names its namespace, --defaults FILE takes them from a file."
    )]
    AmbiguousDefaults { place: String, count: usize },
    /// The release cannot be told.
    #[error("There are several releases: {0}. --release-namespace names the one that is meant.")]
    AmbiguousRelease(String),
    /// Something is wrong with the installation. What, has been said.
    #[error("{}", if *.0 == 1 { "One error was found.".to_owned() } else { format!("{} errors were found.", .0) })]
    CheckFailed(usize),
    /// What was asked for would not work.
    #[error("{0}")]
    Setup(String),
    /// The role does not let the service account in, by its trust policy.
    #[error("{0}")]
    TrustPolicyRejects(String),
    /// A pod's hops cannot be tried.
    #[error("{0}")]
    Doctor(String),
    /// A hop failed. It has been said which and why.
    #[error("the pod does not get to Google.")]
    DiagnosisFailed,
    /// Pods would be refused. Of each it has been said why.
    #[error("{0} of these pods would be refused.")]
    Denied(usize),
    /// Standard output is closed.
    #[error("standard output: {0}")]
    Write(#[from] std::io::Error),
    /// A value cannot be written as YAML or JSON.
    #[error("{0}")]
    Format(String),
}

impl CliError {
    /// As the help documents it.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Denied(_) | Self::CheckFailed(_) | Self::TrustPolicyRejects(_) | Self::DiagnosisFailed => 1,
            _ => 2,
        }
    }

    /// The cluster's words alone, for one who goes on without what it did not give.
    pub(crate) fn into_message(self) -> String {
        match self {
            Self::Cluster(message) => message,
            other => other.to_string(),
        }
    }
}
