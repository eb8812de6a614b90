//! `defaults.yaml`: the platform team's settings for every pod.

mod document;
pub(crate) mod model;

#[cfg(test)]
mod tests;

pub use model::{Defaults, DefaultsError, LOCKED, PullPolicy};

/// The document with every key that it may have, each with its built-in value.
pub const EXAMPLE: &str = include_str!("defaults.yaml");
