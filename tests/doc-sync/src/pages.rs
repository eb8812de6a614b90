//! The pages of the documentation.

use std::fs;
use std::path::{Path, PathBuf};

/// The pages outside the book.
const OTHER_PAGES: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "charts/rolebridge/README.md",
    "docs/clients.md",
    "tests/cluster/README.md",
    "tests/conformance/README.md",
];

/// Returns the repository's root.
///
/// # Panics
/// Panics if this crate is not two folders below the root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in tests").to_owned()
}

/// Returns the paths of all pages from the repository's root.
///
/// # Panics
/// Panics if the book's folder cannot be read.
#[must_use]
pub fn pages() -> Vec<String> {
    let entries = fs::read_dir(root().join("docs/src")).expect("docs/src is readable");
    let paths = entries.map(|entry| entry.expect("docs/src is readable").path());
    let book = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let book = book.filter_map(|path| Some(format!("docs/src/{}", path.file_name()?.to_str()?)));
    OTHER_PAGES.iter().map(|page| (*page).to_owned()).chain(book).collect()
}
