//! Workload identity pools.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::json_body;
use super::path::Target;
use super::{error, operation_id};
use crate::clock::Timestamp;
use crate::fields::Fields;
use crate::google::cloud::Google;
use crate::google::error::ApiError;
use crate::google::pools::{Labels, Pool};
use crate::google::principal::Principal;
use crate::google::provider::is_pool_id;
use crate::wire::Request;

/// The seconds until a deleted pool or provider is gone.
pub(super) const PURGE_SECONDS: i64 = 30 * 86_400;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Body {
    #[serde(rename = "name")]
    _name: Option<String>,
    display_name: Option<String>,
    description: Option<String>,
    disabled: Option<bool>,
}

impl Google {
    pub(super) fn administer_pools(
        &self,
        caller: &Principal,
        method: &Method,
        target: &Target,
        verb: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        match (method, target, verb) {
            (&Method::POST, Target::Pools { project }, "") => self.create_pool(caller, project, request, now),
            (&Method::GET, Target::Pools { project }, "") => self.list_pools(caller, project, request, now),
            (&Method::GET, Target::Pool { project, pool }, "") => {
                let name = self.pool_name(caller, project, pool, "get")?;
                let pools = self.pools.lock();
                pools.get(&name).map(|pool| pool_json(&name, pool, now)).ok_or_else(error::not_found)
            }
            (&Method::PATCH, Target::Pool { project, pool }, "") => {
                let name = self.pool_name(caller, project, pool, "update")?;
                let (body, mask) = (parse_body(request)?, update_mask(request)?);
                self.change_pool(&name, now, |pool| update(pool, &body, &mask))
            }
            (&Method::DELETE, Target::Pool { project, pool }, "") => {
                let name = self.pool_name(caller, project, pool, "delete")?;
                self.change_pool(&name, now, |pool| set_deleted(&mut pool.deleted, true))
            }
            (&Method::POST, Target::Pool { project, pool }, "undelete") => {
                let name = self.pool_name(caller, project, pool, "undelete")?;
                self.change_pool(&name, now, |pool| set_deleted(&mut pool.deleted, false))
            }
            _ => Err(ApiError::unknown_method(request)),
        }
    }

    /// Returns the full name of a pool that the caller has a permission on.
    fn pool_name(
        &self,
        caller: &Principal,
        project: &str,
        pool: &str,
        verb: &str,
    ) -> Result<String, ApiError> {
        let name =
            |project: &str| format!("projects/{project}/locations/global/workloadIdentityPools/{pool}");
        let permission = format!("iam.workloadIdentityPools.{verb}");
        Ok(name(self.iam_project(caller, project, &permission, &name(project))?))
    }

    fn create_pool(
        &self,
        caller: &Principal,
        project: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        let parent = format!("projects/{project}/locations/global");
        let number = self.iam_project(caller, project, "iam.workloadIdentityPools.create", &parent)?;
        let id = required_id(request, "workloadIdentityPoolId")?;
        let body = parse_body(request)?;
        let name = format!("projects/{number}/locations/global/workloadIdentityPools/{id}");
        let mut pools = self.pools.lock();
        if pools.contains_key(&name) {
            return Err(error::already_exists());
        }
        let mut pool = Pool::default();
        update(&mut pool, &body, &["displayName", "description", "disabled"].map(str::to_owned))?;
        let resource = pool_json(&name, &pool, now);
        pools.insert(name.clone(), pool);
        drop(pools);
        Ok(self.pool_operation(&name, resource))
    }

    fn list_pools(
        &self,
        caller: &Principal,
        project: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        let parent = format!("projects/{project}/locations/global");
        let number = self.iam_project(caller, project, "iam.workloadIdentityPools.list", &parent)?;
        let prefix = format!("projects/{number}/locations/global/workloadIdentityPools/");
        let deleted = shows_deleted(request);
        let pools = self.pools.lock();
        let found =
            pools.iter().filter(|(name, pool)| name.starts_with(&prefix) && (deleted || !pool.deleted));
        let found: Vec<_> = found.map(|(name, pool)| pool_json(name, pool, now)).collect();
        Ok(if found.is_empty() { json!({}) } else { json!({"workloadIdentityPools": found}) })
    }

    fn change_pool(
        &self,
        name: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Pool) -> Result<(), ApiError>,
    ) -> Result<Value, ApiError> {
        let mut pools = self.pools.lock();
        let pool = pools.get_mut(name).ok_or_else(error::not_found)?;
        change(pool)?;
        let resource = pool_json(name, pool, now);
        drop(pools);
        Ok(self.pool_operation(name, resource))
    }

    fn pool_operation(&self, name: &str, mut resource: Value) -> Value {
        resource["@type"] = "type.googleapis.com/google.iam.v1.WorkloadIdentityPool".into();
        self.admin.start_operation(format!("{name}/operations/{}", operation_id()), &resource)
    }
}

/// Returns the ID of a new pool or provider.
pub(super) fn required_id(request: &Request, parameter: &str) -> Result<String, ApiError> {
    let id = Fields::from_query(request).value(parameter).unwrap_or_default().to_owned();
    if is_pool_id(&id) {
        return Ok(id);
    }
    // This fake's own message.
    Err(error::invalid(format!(
        "{parameter}: expected 4 to 32 of the characters a-z, 0-9 and -, without the prefix gcp-, found \"{id}\""
    )))
}

/// Returns the fields that a PATCH changes.
pub(super) fn update_mask(request: &Request) -> Result<Vec<String>, ApiError> {
    let fields = Fields::from_query(request);
    let mask = fields.value("updateMask").filter(|mask| !mask.is_empty());
    let mask = mask.ok_or_else(|| error::invalid("The update_mask field is required."))?;
    Ok(mask.split(',').map(str::to_owned).collect())
}

pub(super) fn shows_deleted(request: &Request) -> bool {
    // gcloud sends `True`.
    Fields::from_query(request).value("showDeleted").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Sets the state, if it differs.
pub(super) fn set_deleted(deleted: &mut bool, value: bool) -> Result<(), ApiError> {
    if *deleted == value {
        // This fake's own message.
        let state = if value { "deleted" } else { "active" };
        return Err(ApiError::new(
            http::StatusCode::BAD_REQUEST,
            "FAILED_PRECONDITION",
            "failedPrecondition",
            format!("The resource is {state} already."),
        ));
    }
    *deleted = value;
    Ok(())
}

/// Sets a label to the text of a request, or to nothing if the request omits it.
pub(super) fn set_label(label: &mut String, text: Option<&String>, max: usize) -> Result<(), ApiError> {
    let text = text.cloned().unwrap_or_default();
    if text.chars().count() > max {
        return Err(error::invalid(format!("expected at most {max} characters, found \"{text}\"")));
    }
    *label = text;
    Ok(())
}

fn parse_body(request: &Request) -> Result<Body, ApiError> {
    if request.body().is_empty() {
        return Ok(Body::default());
    }
    json_body(request)
}

/// Changes what the mask names. A field that the body omits is cleared.
fn update(pool: &mut Pool, body: &Body, mask: &[String]) -> Result<(), ApiError> {
    for field in mask {
        match field.as_str() {
            "displayName" => set_label(&mut pool.labels.display_name, body.display_name.as_ref(), 32)?,
            "description" => set_label(&mut pool.labels.description, body.description.as_ref(), 256)?,
            "disabled" => pool.disabled = body.disabled.unwrap_or_default(),
            other => return Err(error::invalid(format!("Invalid field in update_mask: {other}"))),
        }
    }
    Ok(())
}

fn pool_json(name: &str, pool: &Pool, now: Timestamp) -> Value {
    let mut resource = json!({"name": name});
    add_state(&mut resource, &pool.labels, pool.disabled, pool.deleted, now);
    resource
}

/// Adds what pools and providers have in common. Google omits what has its default.
pub(super) fn add_state(
    resource: &mut Value,
    labels: &Labels,
    disabled: bool,
    deleted: bool,
    now: Timestamp,
) {
    resource["state"] = if deleted { "DELETED" } else { "ACTIVE" }.into();
    for (name, label) in [("displayName", &labels.display_name), ("description", &labels.description)] {
        if !label.is_empty() {
            resource[name] = json!(label);
        }
    }
    if disabled {
        resource["disabled"] = true.into();
    }
    if deleted {
        resource["expireTime"] = json!(now.plus(PURGE_SECONDS));
    }
}
