//! The address of the documentation, the only place that has it.

/// The pages of this program's version, which is also the version of the webhook that it agrees with.
pub(crate) const DOCS_URL: &str =
    concat!("https://rolebridge.github.io/rolebridge/", env!("CARGO_PKG_VERSION"), "/");
