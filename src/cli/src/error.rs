//! Errors that end a command.

use std::io;
use std::path::PathBuf;

/// A value read from a cluster, or the message why it could not be read.
///
/// Commands that continue after such an error report the message.
pub(crate) type ReadResult<T> = Result<T, String>;

/// The reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A file or folder that cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    /// A folder without manifests.
    #[error(
        "{}: expected a file that ends in .yaml, .yml or .json, found none. Subfolders are not searched.",
        .path.display()
    )]
    NoManifests { path: PathBuf },
    /// Input without objects.
    #[error("no Kubernetes objects found in the input: expected YAML or JSON manifests")]
    Empty,
    /// A document with a YAML error.
    #[error("{location}: {message}")]
    Yaml { location: String, message: String },
    /// An object that does not match its kind.
    #[error("{location}, {title}: {message}")]
    InvalidObject { location: String, title: String, message: String },
    /// An invalid `defaults.yaml`.
    #[error("{}: {message}", .path.display())]
    Defaults { path: PathBuf, message: String },
    /// A named object that is not in the input.
    #[error("{wanted} not found in the input; found: {found}")]
    NotFound { wanted: String, found: String },
    /// A failed or timed out request to the cluster.
    #[error("cluster: {0}")]
    Cluster(String),
    /// No release of the chart.
    #[error(
        "expected a release of the chart in {scope}, found none: no MutatingWebhookConfiguration has an entry of Rolebridge. \
         Fix: set --release-namespace to the namespace of the release, or pass --defaults FILE."
    )]
    NoRelease { scope: String },
    /// Several releases of the chart that select a pod.
    #[error(
        "expected one release of the chart that selects the pod, found {releases}{}. Fix: set admission.namespaceSelector of \
         each so that a namespace belongs to one of them, or select one with --release-namespace.",
        if *.has_conditions { ", unless admission.matchConditions keep them apart" } else { "" }
    )]
    AmbiguousRelease { releases: String, has_conditions: bool },
    /// Several releases of the chart, none of which selects a pod.
    #[error(
        "{0} Fix: add the labels of one release's selectors, or select a release with --release-namespace."
    )]
    NotSelected(String),
    /// A `check` that found errors and has reported them.
    #[error("{} found", count(*.0, "error"))]
    CheckFailed(usize),
    /// Invalid input of `setup`.
    #[error("{0}")]
    Setup(String),
    /// A trust policy that does not allow the service account to assume the role.
    #[error("{0}")]
    TrustPolicyRejects(String),
    /// A diagnosis that could not be made.
    #[error("{0}")]
    Doctor(String),
    /// A diagnosis with a failed step, which has been reported.
    #[error("diagnosis failed: the pod cannot authenticate to Google Cloud")]
    DiagnosisFailed,
    /// A diagnosis of which only the step that signs failed, which has been reported.
    #[error("diagnosis failed: the pod can authenticate to Google Cloud, but cannot sign")]
    SigningFailed,
    /// Pods that would be denied, each of which has been reported with its reason.
    #[error("{} would be denied", count(*.0, "pod"))]
    Denied(usize),
    /// A failure to write to standard output.
    #[error("standard output: {0}")]
    Write(#[from] io::Error),
    /// A value that cannot be serialized.
    #[error("{0}")]
    Format(String),
}

impl CliError {
    /// Returns the exit code that the help documents.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Denied(_)
            | Self::CheckFailed(_)
            | Self::TrustPolicyRejects(_)
            | Self::DiagnosisFailed
            | Self::SigningFailed => 1,
            _ => 2,
        }
    }

    /// Returns the message without the prefix `cluster:`, for a caller that reports it and continues.
    pub(crate) fn into_message(self) -> String {
        match self {
            Self::Cluster(message) => message,
            other => other.to_string(),
        }
    }
}

/// Formats a count with its noun: `1 error`, `2 errors`.
fn count(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
