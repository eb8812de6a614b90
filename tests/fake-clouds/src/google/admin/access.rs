//! The callers of the admin APIs, and what they may do in a project.

use super::error;
use crate::clock::Timestamp;
use crate::google::bigquery::Project;
use crate::google::cloud::Google;
use crate::google::error::{ApiError, Style};
use crate::google::principal::Principal;
use crate::wire::Request;

impl Google {
    /// Returns the caller. Every admin API takes the scope `cloud-platform`.
    pub(super) fn operator(&self, request: &Request, now: Timestamp) -> Result<Principal, ApiError> {
        self.tokens.caller(request, now, Style::Rpc, &[])
    }

    /// Returns a project, by its ID or number, in which the caller has a permission.
    pub(super) fn project_with(
        &self,
        caller: &Principal,
        project: &str,
        permission: &str,
    ) -> Result<&Project, ApiError> {
        let found = self.bigquery.project_by_id_or_number(project);
        let found = found.filter(|project| project.policy.grants(permission, caller));
        found.ok_or_else(error::no_project_permission)
    }

    /// Returns a project's number, if the caller has a permission of IAM on one of the project's resources.
    pub(super) fn iam_project(
        &self,
        caller: &Principal,
        project: &str,
        permission: &str,
        resource: &str,
    ) -> Result<&str, ApiError> {
        let found = self.project_with(caller, project, permission);
        let number = found.ok().and_then(|project| project.number.as_deref());
        number.ok_or_else(|| error::permission_denied(permission, resource))
    }
}
