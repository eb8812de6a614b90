//! The platform team's defaults, replaced under live requests when their file changes.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rolebridge_inject::Defaults;

use crate::watch_files::{Contents, File};

/// The defaults that hold now.
#[derive(Debug)]
pub struct LiveDefaults(ArcSwap<Defaults>);

impl LiveDefaults {
    /// Begins with these.
    #[must_use]
    pub fn new(defaults: Defaults) -> Self {
        Self(ArcSwap::from_pointee(defaults))
    }

    /// Those that hold now.
    #[must_use]
    pub fn current(&self) -> Arc<Defaults> {
        self.0.load_full()
    }

    /// Replaces them.
    pub fn replace(&self, defaults: Defaults) {
        self.0.store(Arc::new(defaults));
    }
}

/// The file, as the watch of files takes it.
#[must_use]
pub fn file(path: PathBuf) -> File {
    File { flag: "--defaults", path }
}

/// Reads the document.
///
/// # Errors
///
/// It is not text, or not what `inject` takes: with its own sentence.
pub fn parse(contents: &Contents) -> Result<Defaults, String> {
    let bytes = contents.first().map(Vec::as_slice).unwrap_or_default();
    let text = str::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"))?;
    Defaults::from_yaml(text).map_err(|error| error.to_string())
}
