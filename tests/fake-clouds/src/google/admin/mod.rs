//! The APIs with which people and `gcloud` set up what the other services use.
//!
//! Pools, providers and policies of service accounts (IAM), policies of projects (Resource Manager), and enabled APIs
//! (Service Usage).
//!
//! Source: the discovery documents of `iam.v1`, `cloudresourcemanager.v1` and `serviceusage.v1`, which
//! `tests/command-lines` validates every call against, and the requests of gcloud.

mod access;
mod body;
mod error;
mod path;
mod policies;
mod pools;
mod provider_resource;
mod providers;
mod services;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use self::path::Target;
use super::cloud::Google;
use super::error::{ApiError, Style};
use crate::clock::Timestamp;
use crate::secret;
use crate::wire::{Request, Response};

/// State that only the admin APIs need.
#[derive(Debug, Default)]
pub(crate) struct Admin {
    calls: Mutex<Vec<AdminCall>>,
    /// The finished operations, by name.
    operations: Mutex<BTreeMap<String, Value>>,
    /// The APIs that were enabled, by the project's ID.
    enabled: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

/// A call of an admin API, for a comparison with the API's discovery document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdminCall {
    /// The API, as its discovery document is named: `iam.v1`.
    pub api: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The path and the query.
    pub url: String,
    /// The body, or null.
    pub body: Value,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The answer.
    pub answer: Value,
}

impl Google {
    /// Returns the calls of the admin APIs so far.
    pub(crate) fn admin_calls(&self) -> Vec<AdminCall> {
        self.admin.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers as the admin APIs do, and records the call.
    pub(super) fn administer(&self, request: &Request, now: Timestamp) -> Response {
        let Some((target, verb)) = Target::parse(request.uri().path()) else {
            return ApiError::unknown_method(request).into_response(Style::Rpc);
        };
        let answered = self.dispatch(&target, verb.as_deref(), request, now);
        let response = match answered {
            Ok(answer) => Response::json(StatusCode::OK, &answer),
            Err(error) => error.into_response(target.style()),
        };
        let json = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or_default();
        self.admin.calls.lock().unwrap_or_else(PoisonError::into_inner).push(AdminCall {
            api: target.api(),
            method: request.method().to_string(),
            url: request.uri().to_string(),
            body: json(request.body()),
            status: response.status.as_u16(),
            answer: json(&response.body),
        });
        response
    }

    fn dispatch(
        &self,
        target: &Target,
        verb: Option<&str>,
        request: &Request,
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        let caller = self.operator(request, now)?;
        let method = request.method().clone();
        let verb = verb.unwrap_or_default();
        match (method, target, verb) {
            (Method::GET, Target::Project { project }, "") => self.project_resource(&caller, project),
            (Method::POST, Target::Project { project }, "getIamPolicy") => {
                self.project_policy(&caller, project)
            }
            (Method::POST, Target::Project { project }, "setIamPolicy") => {
                self.set_project_policy(&caller, project, request)
            }
            (Method::POST, Target::Services { project }, "batchEnable") => {
                self.batch_enable_services(&caller, project, request)
            }
            (Method::POST, Target::Service { project, service }, "enable") => {
                self.enable_service(&caller, project, service)
            }
            (Method::GET, Target::Service { project, service }, "") => {
                self.service_resource(&caller, project, service)
            }
            (Method::GET, Target::ServiceOperation { id }, "") => {
                self.admin.operation(&format!("operations/{id}"))
            }
            (Method::GET, Target::Operation { name }, "") => self.admin.operation(name),
            (method, Target::Pools { .. } | Target::Pool { .. }, verb) => {
                self.administer_pools(&caller, &method, target, verb, request, now)
            }
            (method, Target::Providers { .. } | Target::Provider { .. }, verb) => {
                self.administer_providers(&caller, &method, target, verb, request, now)
            }
            (method, Target::ServiceAccounts { .. } | Target::ServiceAccount { .. }, verb) => {
                self.administer_service_accounts(&caller, &method, target, verb, request)
            }
            (Method::GET, Target::BucketPolicy { bucket }, "") => {
                let policy = self.storage.policy(bucket, "storage.buckets.getIamPolicy", &caller)?;
                Ok(policies::bucket_policy_json(bucket, policy.to_json()))
            }
            (Method::PUT, Target::BucketPolicy { bucket }, "") => {
                let policy = self.storage.policy(bucket, "storage.buckets.setIamPolicy", &caller)?;
                let changed = self.set_bucket_policy(policy, request)?;
                Ok(policies::bucket_policy_json(bucket, changed))
            }
            _ => Err(ApiError::unknown_method(request)),
        }
    }
}

impl Admin {
    /// Returns a long-running operation as its first answer shows it: it has not finished.
    fn start_operation(&self, name: String, response: &Value) -> Value {
        let done = json!({"name": name, "done": true, "response": response});
        let first = json!({"name": name, "done": false});
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).insert(name, done);
        first
    }

    fn operation(&self, name: &str) -> Result<Value, ApiError> {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        operations.get(name).cloned().ok_or_else(error::not_found)
    }
}

/// Returns a random part of an operation's name.
fn operation_id() -> String {
    secret::uuid().replace('-', "")
}

#[cfg(test)]
mod tests;
