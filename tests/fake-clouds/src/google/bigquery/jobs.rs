//! Jobs: each query creates one, and only its creator can read it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Google;
use super::super::error::{ApiError, Style};
use super::super::principal::Principal;
use super::query::Query;
use super::table::Rows;
use super::{BigQuery, SCOPES, Target};
use crate::clock::Timestamp;
use crate::events::Detail;
use crate::secret;
use crate::wire::{Fields, Request, Response};

/// The location of every dataset.
const LOCATION: &str = "US";

/// A finished job.
#[derive(Debug)]
struct Job {
    project: String,
    id: String,
    owner: Principal,
    sql: String,
    /// `PROJECT.DATASET.TABLE`.
    table: String,
    rows: Rows,
    at: Timestamp,
}

/// All jobs, by project and ID.
#[derive(Debug, Default)]
pub(super) struct Jobs(Mutex<HashMap<(String, String), Arc<Job>>>);

impl Jobs {
    fn add(&self, job: Job) -> Result<Arc<Job>, ApiError> {
        let job = Arc::new(job);
        let key = (job.project.clone(), job.id.clone());
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.contains_key(&key) {
            let message = format!("Already Exists: Job {}:{LOCATION}.{}", job.project, job.id);
            return Err(ApiError::new(StatusCode::CONFLICT, "ALREADY_EXISTS", "duplicate", message));
        }
        jobs.insert(key, Arc::clone(&job));
        Ok(job)
    }

    fn find(&self, target: &Target<'_>, caller: &Principal) -> Result<Arc<Job>, ApiError> {
        let (project, id) = (target.project, target.job.unwrap_or_default());
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let job = jobs.get(&(project.to_owned(), id.to_owned()));
        let job =
            job.ok_or_else(|| ApiError::not_found(format!("Not found: Job {project}:{LOCATION}.{id}")))?;
        if job.owner != *caller {
            let message = format!(
                "Access Denied: Job {project}:{LOCATION}.{id}: User does not have bigquery.jobs.get permission for \
                 job {project}:{LOCATION}.{id}."
            );
            return Err(ApiError::access_denied(message));
        }
        Ok(Arc::clone(job))
    }
}

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
    pub(in super::super) fn query(&self, request: &Request, now: Timestamp) -> Result<Response, ApiError> {
        let (caller, target) = self.job_caller(request, now)?;
        let body: QueryRequest = parse_body(request)?;
        let job = self.bigquery.run(&caller, target.project, &body, None, now)?;
        let results = job.results("bigquery#queryResponse", 0, body.max_results);
        Ok(Response::json(StatusCode::OK, &results).with_detail(job.detail()))
    }

    pub(in super::super) fn insert_job(
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

    pub(in super::super) fn job(&self, request: &Request, now: Timestamp) -> Result<Response, ApiError> {
        let (caller, target) = self.job_caller(request, now)?;
        let job = self.bigquery.jobs.find(&target, &caller)?;
        Ok(Response::json(StatusCode::OK, &job.resource()))
    }

    pub(in super::super) fn query_results(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ApiError> {
        let (caller, target) = self.job_caller(request, now)?;
        let job = self.bigquery.jobs.find(&target, &caller)?;
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
        let dataset = self
            .project(table_project)
            .and_then(|project| project.datasets.iter().find(|dataset| dataset.id == query.dataset))
            .filter(|dataset| dataset.policy.grants("bigquery.tables.getData", caller))
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

impl Job {
    fn reference(&self) -> Value {
        json!({"projectId": self.project, "jobId": self.id, "location": LOCATION})
    }

    fn detail(&self) -> Detail {
        let (principal, table) = (self.owner.to_string(), self.table.clone());
        Detail::TableRead { principal, table, rows: self.rows.rows.len() }
    }

    /// Returns a page of the rows.
    fn results(&self, kind: &str, start: usize, max: Option<usize>) -> Value {
        let all = &self.rows.rows;
        let start = start.min(all.len());
        let end = start.saturating_add(max.unwrap_or(usize::MAX)).min(all.len());
        let mut results = json!({
            "kind": kind,
            "schema": self.rows.schema,
            "jobReference": self.reference(),
            "totalRows": all.len().to_string(),
            "totalBytesProcessed": "0",
            "jobComplete": true,
            "cacheHit": false,
        });
        // A client that requests no rows only waits for the job.
        if end > start {
            results["rows"] = all[start..end].into();
        }
        if end < all.len() {
            results["pageToken"] = end.to_string().into();
        }
        results
    }

    fn resource(&self) -> Value {
        let millis = (self.at.0 * 1000).to_string();
        json!({
            "kind": "bigquery#job",
            "id": format!("{}:{LOCATION}.{}", self.project, self.id),
            "jobReference": self.reference(),
            "configuration": {
                "jobType": "QUERY",
                "query": {"query": self.sql, "useLegacySql": false, "priority": "INTERACTIVE"},
            },
            "status": {"state": "DONE"},
            "statistics": {
                "creationTime": millis,
                "startTime": millis,
                "endTime": millis,
                "query": {"statementType": "SELECT", "totalBytesProcessed": "0", "schema": self.rows.schema},
            },
            "user_email": self.owner.name(),
        })
    }
}
