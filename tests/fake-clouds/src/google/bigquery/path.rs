//! Paths of the API.

use http::Method;

use crate::operation::Operation;
use crate::wire::Request;

/// The project of a request, and its job.
pub(super) struct Target<'a> {
    pub(super) project: &'a str,
    pub(super) job: Option<&'a str>,
    pub(super) operation: Operation,
}

impl<'a> Target<'a> {
    pub(super) fn parse(request: &'a Request) -> Option<Self> {
        let parts: Vec<_> = request.uri().path().strip_prefix("/bigquery/v2/projects/")?.split('/').collect();
        let get = request.method() == Method::GET;
        let post = request.method() == Method::POST;
        Some(match parts[..] {
            [project, "queries"] if post => Self { project, job: None, operation: Operation::Query },
            [project, "jobs"] if post => Self { project, job: None, operation: Operation::InsertJob },
            [project, "jobs", job] if get => Self { project, job: Some(job), operation: Operation::GetJob },
            [project, "queries", job] if get => {
                Self { project, job: Some(job), operation: Operation::GetQueryResults }
            }
            _ => return None,
        })
    }
}

pub(crate) fn operation(request: &Request) -> Operation {
    Target::parse(request).map_or(Operation::Unknown, |target| target.operation)
}
