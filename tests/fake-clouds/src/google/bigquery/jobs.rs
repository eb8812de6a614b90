//! Jobs: each query creates one, and only its creator can read it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use serde_json::{Value, json};

use super::table::Rows;
use crate::clock::Timestamp;
use crate::events::Detail;
use crate::google::error::ApiError;
use crate::google::principal::Principal;

/// The location of every dataset.
pub(super) const LOCATION: &str = "US";

/// A finished job.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) project: String,
    pub(super) id: String,
    pub(super) owner: Principal,
    pub(super) sql: String,
    /// `PROJECT.DATASET.TABLE`.
    pub(super) table: String,
    pub(super) rows: Rows,
    pub(super) at: Timestamp,
}

/// All jobs, by project and ID.
#[derive(Debug, Default)]
pub(super) struct Jobs(Mutex<HashMap<(String, String), Arc<Job>>>);

impl Jobs {
    pub(super) fn add(&self, job: Job) -> Result<Arc<Job>, ApiError> {
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

    pub(super) fn find(&self, project: &str, id: &str, caller: &Principal) -> Result<Arc<Job>, ApiError> {
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

impl Job {
    fn reference(&self) -> Value {
        json!({"projectId": self.project, "jobId": self.id, "location": LOCATION})
    }

    pub(super) fn detail(&self) -> Detail {
        let (principal, table) = (self.owner.to_string(), self.table.clone());
        Detail::TableRead { principal, table, rows: self.rows.rows.len() }
    }

    /// Returns a page of the rows.
    pub(super) fn results(&self, kind: &str, start: usize, max: Option<usize>) -> Value {
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

    pub(super) fn resource(&self) -> Value {
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
