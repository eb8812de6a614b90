//! The platform team's defaults, replaced while requests are served when their file changes.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rolebridge_inject::Defaults;

use crate::file_watcher::{FileContents, WatchedFile};

/// Defaults that can be replaced at run time.
#[derive(Debug)]
pub struct LiveDefaults(ArcSwap<Defaults>);

impl LiveDefaults {
    /// Creates the holder with its initial defaults.
    #[must_use]
    pub fn new(defaults: Defaults) -> Self {
        Self(ArcSwap::from_pointee(defaults))
    }

    /// Returns the current defaults.
    #[must_use]
    pub fn current(&self) -> Arc<Defaults> {
        self.0.load_full()
    }

    /// Replaces the defaults.
    pub fn replace(&self, defaults: Defaults) {
        self.0.store(Arc::new(defaults));
    }
}

/// Returns the file to watch.
#[must_use]
pub fn file(path: PathBuf) -> WatchedFile {
    WatchedFile { flag: "--defaults", path }
}

/// Parses the document.
///
/// # Errors
///
/// Returns an error if the document is not UTF-8 or not valid defaults.
pub fn parse(contents: &FileContents) -> Result<Defaults, String> {
    let bytes = contents.first().map(Vec::as_slice).unwrap_or_default();
    let text = str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
    Defaults::from_yaml(text).map_err(|error| error.to_string())
}
