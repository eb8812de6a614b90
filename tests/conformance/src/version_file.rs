//! The committed results of the search: `versions.yaml`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use rolebridge_tests::error::{Context, Result};

use crate::search::TriedVersion;

const HEADER: &str = "# Versions that ran with each source, for aws-role, as a service account. Made by `make conformance-versions`,\n\
                      # which runs what is missing here: remove an entry to run it again.\n";

/// The tried versions by client.
pub(crate) type VersionFile = BTreeMap<String, Vec<TriedVersion>>;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("versions.yaml")
}

/// Reads the file.
pub(crate) fn read() -> Result<VersionFile> {
    let path = path();
    let text = std::fs::read_to_string(&path).context(format_args!("failed to read {}", path.display()))?;
    serde_saphyr::from_str(&text).context("failed to parse versions.yaml")
}

/// Writes the file.
pub(crate) fn write(file: &VersionFile) -> Result<()> {
    let path = path();
    // JSON is YAML too, and a line for each version is easy to compare.
    let mut text = HEADER.to_owned();
    for (client, tried) in file {
        let _ = writeln!(text, "{client}:");
        for tried in tried {
            let line = serde_json::to_string(tried).context("failed to render a version")?;
            let _ = writeln!(text, "- {line}");
        }
    }
    std::fs::write(&path, text).context(format_args!("failed to write {}", path.display()))
}
