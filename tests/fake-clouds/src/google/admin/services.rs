//! Resource Manager's project, and the enabled APIs of a project.

use std::sync::PoisonError;

use serde::Deserialize;
use serde_json::{Value, json};

use super::body::json_body;
use super::error;
use crate::google::bigquery::Project;
use crate::google::cloud::Google;
use crate::google::error::ApiError;
use crate::google::principal::Principal;
use crate::secret;
use crate::wire::Request;

/// Maximum number of services in a request.
const MAX_SERVICES: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BatchEnable {
    service_ids: Vec<String>,
}

impl Google {
    pub(super) fn project_resource(&self, caller: &Principal, project: &str) -> Result<Value, ApiError> {
        let project = self.project_with(caller, project, "resourcemanager.projects.get")?;
        Ok(json!({
            "projectNumber": project.number,
            "projectId": project.id,
            "lifecycleState": "ACTIVE",
            "name": project.id,
            "createTime": "2026-01-01T00:00:00.000Z",
        }))
    }

    pub(super) fn batch_enable_services(
        &self,
        caller: &Principal,
        project: &str,
        request: &Request,
    ) -> Result<Value, ApiError> {
        let body: BatchEnable = json_body(request)?;
        if body.service_ids.len() > MAX_SERVICES {
            return Err(error::invalid("A single request can enable a maximum of 20 services."));
        }
        self.enable(caller, project, &body.service_ids, "services")
    }

    pub(super) fn enable_service(
        &self,
        caller: &Principal,
        project: &str,
        service: &str,
    ) -> Result<Value, ApiError> {
        self.enable(caller, project, &[service.to_owned()], "service")
    }

    pub(super) fn service_resource(
        &self,
        caller: &Principal,
        project: &str,
        service: &str,
    ) -> Result<Value, ApiError> {
        let project = self.project_with(caller, project, "serviceusage.services.get")?;
        Ok(service_json(project, service, self.is_enabled(&project.id, service)))
    }

    /// Enables services. `field` is the field of the operation's response.
    fn enable(
        &self,
        caller: &Principal,
        project: &str,
        services: &[String],
        field: &str,
    ) -> Result<Value, ApiError> {
        let project = self.project_with(caller, project, "serviceusage.services.enable")?;
        if let Some(service) = services.iter().find(|service| !service.ends_with(".googleapis.com")) {
            return Err(ApiError::not_found(format!(
                "Not found or permission denied for service(s): {service}."
            )));
        }
        let mut enabled = self.admin.enabled.lock().unwrap_or_else(PoisonError::into_inner);
        enabled.entry(project.id.clone()).or_default().extend(services.iter().cloned());
        drop(enabled);
        let resources = services.iter().map(|service| service_json(project, service, true));
        let resources: Vec<_> = resources.collect();
        let (kind, value) = if field == "services" {
            ("BatchEnableServicesResponse", json!(resources))
        } else {
            ("EnableServiceResponse", json!(resources[0]))
        };
        let kind = format!("type.googleapis.com/google.api.serviceusage.v1.{kind}");
        let name = format!(
            "operations/acat.p2-{}-{}",
            project.number.as_deref().unwrap_or_default(),
            secret::uuid()
        );
        Ok(self.admin.start_operation(name, &json!({"@type": kind, field: value})))
    }

    fn is_enabled(&self, project: &str, service: &str) -> bool {
        let enabled = self.admin.enabled.lock().unwrap_or_else(PoisonError::into_inner);
        enabled.get(project).is_some_and(|services| services.contains(service))
    }
}

fn service_json(project: &Project, service: &str, enabled: bool) -> Value {
    let parent = format!("projects/{}", project.number.as_deref().unwrap_or_default());
    json!({
        "name": format!("{parent}/services/{service}"),
        "config": {"name": service},
        "state": if enabled { "ENABLED" } else { "DISABLED" },
        "parent": parent,
    })
}
