//! The pages that a reader reads.

#![expect(clippy::expect_used, reason = "what helps a test may panic as the test may")]

use std::fs;
use std::path::{Path, PathBuf};

/// Pages beside the book's.
const PAGES: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "charts/rolebridge/README.md",
    "docs/clients.md",
    "tests/cluster/README.md",
    "tests/conformance/README.md",
];

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a crate lies in src").to_owned()
}

/// Every page, from the repository's root.
pub(crate) fn pages() -> Vec<String> {
    let entries = fs::read_dir(root().join("docs/src")).expect("the book is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let book = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let book = book.filter_map(|path| Some(format!("docs/src/{}", path.file_name()?.to_str()?)));
    PAGES.iter().map(|page| (*page).to_owned()).chain(book).collect()
}
