//! Providers of a workload identity pool.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::path::Target;
use super::pools::{required_id, set_deleted, shows_deleted, update_mask};
use super::provider_resource::{ProviderBody, apply, to_json};
use super::{error, operation_id};
use crate::clock::Timestamp;
use crate::google::cloud::Google;
use crate::google::error::ApiError;
use crate::google::pools::{Labels, PoolProvider};
use crate::google::principal::Principal;
use crate::google::provider::Provider;
use crate::wire::Request;

/// The names of a provider: its pool's, which has the project's number, and its ID.
struct Names {
    pool: String,
    id: String,
}

impl Google {
    pub(super) fn administer_providers(
        &self,
        caller: &Principal,
        method: &Method,
        target: &Target,
        verb: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        let (project, pool, provider) = match target {
            Target::Providers { project, pool } => (project, pool, None),
            Target::Provider { project, pool, provider } => (project, pool, Some(provider)),
            _ => return Err(ApiError::unknown_method(request)),
        };
        let permission = match (method, verb, provider) {
            (&Method::POST, "", None) => "create",
            (&Method::GET, "", None) => "list",
            (&Method::GET, "", Some(_)) => "get",
            (&Method::PATCH, "", Some(_)) => "update",
            (&Method::DELETE, "", Some(_)) => "delete",
            (&Method::POST, "undelete", Some(_)) => "undelete",
            _ => return Err(ApiError::unknown_method(request)),
        };
        let pool_name =
            |project: &str| format!("projects/{project}/locations/global/workloadIdentityPools/{pool}");
        let resource = provider.map_or_else(
            || pool_name(project),
            |provider| format!("{}/providers/{provider}", pool_name(project)),
        );
        let permission_name = format!("iam.workloadIdentityPoolProviders.{permission}");
        let pool = pool_name(self.iam_project(caller, project, &permission_name, &resource)?);
        let Some(id) = provider.cloned() else {
            return if permission == "create" {
                self.create_provider(pool, request, now)
            } else {
                self.list_providers(&pool, request, now)
            };
        };
        let names = Names { pool, id };
        match permission {
            "get" => {
                let pools = self.pools.lock();
                let found = pools.get(&names.pool).and_then(|pool| pool.providers.get(&names.id));
                found.map(|found| to_json(found, now)).ok_or_else(error::not_found)
            }
            "update" => {
                let (body, mask) = (ProviderBody::parse(request)?, update_mask(request)?);
                self.change_provider(&names, now, |found| {
                    let mut config = found.provider.config.clone();
                    apply(&mut config, &mut found.labels, &body, &mask)?;
                    found.provider = Arc::new(new_provider(&config)?);
                    Ok(())
                })
            }
            "delete" => self.change_provider(&names, now, |found| set_deleted(&mut found.deleted, true)),
            _ => self.change_provider(&names, now, |found| set_deleted(&mut found.deleted, false)),
        }
    }

    fn create_provider(&self, pool: String, request: &Request, now: Timestamp) -> Result<Value, ApiError> {
        let id = required_id(request, "workloadIdentityPoolProviderId")?;
        let body = ProviderBody::parse(request)?;
        let mut labels = Labels::default();
        let config = body.new_config(format!("{pool}/providers/{id}"), &mut labels)?;
        let provider = Arc::new(new_provider(&config)?);
        let created = PoolProvider { provider, labels, deleted: false };
        let resource = to_json(&created, now);
        let mut pools = self.pools.lock();
        let parent = pools.get_mut(&pool).filter(|pool| !pool.deleted).ok_or_else(error::not_found)?;
        if parent.providers.contains_key(&id) {
            return Err(error::already_exists());
        }
        parent.providers.insert(id.clone(), created);
        drop(pools);
        Ok(self.provider_operation(&Names { pool, id }, resource))
    }

    fn list_providers(&self, pool: &str, request: &Request, now: Timestamp) -> Result<Value, ApiError> {
        let deleted = shows_deleted(request);
        let pools = self.pools.lock();
        let pool = pools.get(pool).ok_or_else(error::not_found)?;
        let found = pool.providers.values().filter(|found| deleted || !found.deleted);
        let found: Vec<_> = found.map(|found| to_json(found, now)).collect();
        Ok(if found.is_empty() { json!({}) } else { json!({"workloadIdentityPoolProviders": found}) })
    }

    fn change_provider(
        &self,
        names: &Names,
        now: Timestamp,
        change: impl FnOnce(&mut PoolProvider) -> Result<(), ApiError>,
    ) -> Result<Value, ApiError> {
        let mut pools = self.pools.lock();
        let found = pools.get_mut(&names.pool).and_then(|pool| pool.providers.get_mut(&names.id));
        let found = found.ok_or_else(error::not_found)?;
        change(found)?;
        let resource = to_json(found, now);
        drop(pools);
        Ok(self.provider_operation(names, resource))
    }

    fn provider_operation(&self, names: &Names, mut resource: Value) -> Value {
        resource["@type"] = "type.googleapis.com/google.iam.v1.WorkloadIdentityPoolProvider".into();
        let Names { pool, id } = names;
        self.admin.start_operation(format!("{pool}/providers/{id}/operations/{}", operation_id()), &resource)
    }
}

/// Makes a provider, or returns Google's error for an invalid one.
fn new_provider(config: &crate::config::Provider) -> Result<Provider, ApiError> {
    // The problems are this fake's own messages.
    Provider::new(config).map_err(|problem| error::invalid(problem.to_string()))
}
