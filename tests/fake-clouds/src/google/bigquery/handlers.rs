//! Handlers of the API's methods.

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;

use super::jobs::{Job, LOCATION};
use super::path::Target;
use super::projects::BigQuery;
use super::query::Query;
use super::table::Rows;
use crate::clock::Timestamp;
use crate::fields::Fields;
use crate::google::cloud::Google;
use crate::google::error::{ApiError, Style};
use crate::google::principal::Principal;
use crate::secret;
use crate::wire::{Request, Response};

const SCOPES: [&str; 2] =
    ["https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/bigquery.readonly"];

/// The body of `jobs.query`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryRequest {
    query: String,
    use_legacy_sql: Option<bool>,
    max_results: Option<usize>,
}

/// The body of `jobs.insert`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobRequest {
    configuration: JobConfiguration,
    job_reference: Option<JobReference>,
}

#[derive(Debug, Deserialize)]
struct JobConfiguration {
    query: QueryRequest,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobReference {
    job_id: Option<String>,
}

impl Google {
    pub(in crate::google) fn query(&self, request: &Request, now: Timestamp) -> Result<Response, ApiError> {
        let (caller, target) = self.job_caller(request, now)?;
        let body: QueryRequest = parse_body(request)?;
        let job = self.bigquery.run(&caller, target.project, &body, None, now)?;
        let results = job.results("bigquery#queryResponse", 0, body.max_results);
        Ok(Response::json(StatusCode::OK, &results).with_detail(job.detail()))
    }

    pub(in crate::google) fn insert_job(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ApiError> {
        let (caller, target) = self.job_caller(request, now)?;
        let body: JobRequest = parse_body(request)?;
        let id = body.job_reference.and_then(|reference| reference.job_id);
        let job = self.bigquery.run(&caller, target.project, &body.configuration.query, id, now)?;
        Ok(Response::json(StatusCode::OK, &job.resource()).with_detail(job.detail()))
    }

    pub(in crate::google) fn job(&self, request: &Request, now: Timestamp) -> Result<Response, ApiError> {
        let (caller, target) = self.job_caller(request, now)?;
        let job = self.bigquery.jobs.find(target.project, target.job.unwrap_or_default(), &caller)?;
        Ok(Response::json(StatusCode::OK, &job.resource()))
    }

    pub(in crate::google) fn query_results(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ApiError> {
        let (caller, target) = self.job_caller(request, now)?;
        let job = self.bigquery.jobs.find(target.project, target.job.unwrap_or_default(), &caller)?;
        let fields = Fields::from_query(request);
        let number = |name: &str| fields.value(name).and_then(|text| text.parse().ok());
        let start = number("pageToken").or_else(|| number("startIndex")).unwrap_or(0);
        let results = job.results("bigquery#getQueryResultsResponse", start, number("maxResults"));
        Ok(Response::json(StatusCode::OK, &results))
    }

    fn job_caller<'a>(
        &self,
        request: &'a Request,
        now: Timestamp,
    ) -> Result<(Principal, Target<'a>), ApiError> {
        let caller = self.tokens.caller(request, now, Style::Legacy, &SCOPES)?;
        let target = Target::parse(request).ok_or_else(|| ApiError::unknown_method(request))?;
        Ok((caller, target))
    }
}

fn parse_body<'a, T: Deserialize<'a>>(request: &'a Request) -> Result<T, ApiError> {
    serde_json::from_slice(request.body())
        .map_err(|error| ApiError::invalid("invalid", format!("Invalid JSON payload received. {error}")))
}

impl BigQuery {
    /// Runs a query, if the caller may run jobs in the project and read the dataset.
    fn run(
        &self,
        caller: &Principal,
        project: &str,
        body: &QueryRequest,
        id: Option<String>,
        now: Timestamp,
    ) -> Result<Arc<Job>, ApiError> {
        let may_run = self
            .project(project)
            .is_some_and(|project| project.policy.grants("bigquery.jobs.create", caller));
        if !may_run {
            return Err(ApiError::access_denied(format!(
                "Access Denied: Project {project}: User does not have bigquery.jobs.create permission in project \
                 {project}."
            )));
        }
        // The API's default is legacy SQL, in which backticks have no meaning.
        if body.use_legacy_sql.unwrap_or(true) && body.query.contains('`') {
            let message = "Syntax error: backticks are GoogleSQL: set useLegacySql to false";
            return Err(ApiError::invalid("invalidQuery", message));
        }
        let query = Query::parse(&body.query)?;
        let table_project = query.project.as_deref().unwrap_or(project);
        let name = format!("{table_project}:{}.{}", query.dataset, query.table);
        // A project's policy applies to its datasets too.
        let read = "bigquery.tables.getData";
        let dataset = self
            .project(table_project)
            .and_then(|project| {
                let dataset = project.datasets.iter().find(|dataset| dataset.id == query.dataset)?;
                let may_read =
                    dataset.policy.grants(read, caller) || project.policy.grants(read, caller);
                may_read.then_some(dataset)
            })
            .ok_or_else(|| {
                ApiError::access_denied(format!(
                    "Access Denied: Table {name}: User does not have permission to query table {name}, or perhaps it \
                     does not exist."
                ))
            })?;
        let table = dataset.tables.iter().find(|table| table.id == query.table);
        let table = table.ok_or_else(|| {
            ApiError::not_found(format!("Not found: Table {name} was not found in location {LOCATION}"))
        })?;
        self.jobs.add(Job {
            project: project.to_owned(),
            id: id.unwrap_or_else(|| format!("job_{}", secret::url_safe(18))),
            owner: caller.clone(),
            sql: body.query.clone(),
            table: format!("{table_project}.{}.{}", query.dataset, query.table),
            rows: Rows::select(table, &query)?,
            at: now,
        })
    }
}
