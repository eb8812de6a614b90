//! The subcommands. They do not import one another.

pub(crate) mod check;
pub(crate) mod complete;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod inject;
pub(crate) mod man;
pub(crate) mod setup;
pub(crate) mod version;
