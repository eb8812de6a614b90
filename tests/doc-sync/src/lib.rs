//! Test helpers that keep the documentation in sync with the code.
//!
//! A crate renders a table from its own types and checks it with [`section::check`]. `UPDATE=1` writes the table into the
//! page. The tests of this crate check the pages themselves: links, commands, and the names that several crates share.

#![expect(clippy::expect_used, clippy::panic, reason = "test helpers may panic")]

pub mod blocks;
pub mod json_fields;
pub mod log_fields;
pub mod metrics;
pub mod named_tests;
pub mod pages;
pub mod section;
