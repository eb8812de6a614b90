//! The Python interpreter and the scripts of the Python checks.
//!
//! These tests are `#[ignore]`d, so that plain `cargo test` reports them as ignored. `tests/python/run` installs the
//! packages and runs them.

use std::path::PathBuf;

/// Returns the interpreter in `ROLEBRIDGE_PYTHON`.
pub(crate) fn interpreter() -> PathBuf {
    let Some(python) = std::env::var_os("ROLEBRIDGE_PYTHON") else {
        panic!("ROLEBRIDGE_PYTHON is not set. Fix: run tests/python/run.")
    };
    let python = std::path::absolute(python).unwrap();
    assert!(python.exists(), "ROLEBRIDGE_PYTHON: {} does not exist", python.display());
    python
}

/// Returns the path of a script in `tests/python`.
pub(crate) fn script(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/python")).join(name)
}
