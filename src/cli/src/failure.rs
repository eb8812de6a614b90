//! What ends a command, for the person who typed it.

use std::path::PathBuf;

/// Why a command could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file cannot be read.
    #[error("{}: {source}", .path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// A document is no YAML.
    #[error("{place}: {message}")]
    Yaml { place: String, message: String },
    /// A document is not what its kind says.
    #[error("{place}, {title}: {field}: {what}.")]
    Shape { place: String, title: String, field: String, what: String },
    /// The defaults cannot be used.
    #[error("{}: {message}", .path.display())]
    Defaults { path: PathBuf, message: String },
    /// Pods of the documents would be refused. Each has been told why.
    #[error("{0} of the documents' pods would be refused.")]
    Refused(usize),
    /// Standard output is closed.
    #[error("standard output: {0}")]
    Write(#[from] std::io::Error),
    /// A value cannot be written as YAML or JSON.
    #[error("{0}")]
    Format(String),
}

impl Failure {
    /// As the help documents it.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            _ => 2,
        }
    }
}
