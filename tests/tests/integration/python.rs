//! The interpreter of the checks in Python.
//!
//! These tests are `#[ignore]`d, so that a plain `cargo test` says that it leaves them out; `tests/python/run` makes the
//! interpreter and runs them.

use std::path::PathBuf;

/// The interpreter that `ROLEBRIDGE_PYTHON` names.
pub(crate) fn interpreter() -> PathBuf {
    let Some(python) = std::env::var_os("ROLEBRIDGE_PYTHON") else {
        panic!("ROLEBRIDGE_PYTHON is not set: run tests/python/run")
    };
    let python = std::path::absolute(python).unwrap();
    assert!(python.exists(), "ROLEBRIDGE_PYTHON: there is no {}", python.display());
    python
}

/// A script beside `tests/python/run`.
pub(crate) fn script(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/python")).join(name)
}
