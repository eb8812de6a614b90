//! The address of the documentation. The alerts of the chart have it too, which `tests/chart/names.py` compares.

/// The pages of this program's version, which is also the version of the webhook that it agrees with.
pub(crate) const DOCS_URL: &str =
    concat!("https://rolebridge.github.io/rolebridge/", env!("CARGO_PKG_VERSION"), "/");
