//! BigQuery: `jobs.query`, and the methods that the client libraries use instead: `jobs.insert`, `jobs.get` and
//! `jobs.getQueryResults`. A job finishes at once.

mod handlers;
mod jobs;
mod path;
mod projects;
mod query;
mod table;

pub(crate) use self::path::operation;
pub(crate) use self::projects::BigQuery;
pub(super) use self::projects::Project;
