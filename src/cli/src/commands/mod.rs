//! The subcommands, one module each.

pub(crate) mod check;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod inject;
pub(crate) mod setup;
