//! Service accounts, and the policies of service accounts and projects.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::json_body;
use super::error;
use super::path::Target;
use crate::config::Binding;
use crate::fields::Fields;
use crate::google::cloud::Google;
use crate::google::error::ApiError;
use crate::google::iam_credentials::service_accounts::missing_permission;
use crate::google::policy::{is_member, is_role, pool_of_member};
use crate::google::principal::Principal;
use crate::google::resource_policy::{Rejected, ResourcePolicy};
use crate::wire::Request;

/// The domain of service accounts, after the ID of their project.
const DOMAIN: &str = ".iam.gserviceaccount.com";
/// The highest version of a policy's format.
const MAX_VERSION: i64 = 3;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetPolicy {
    policy: PolicyBody,
    #[serde(rename = "updateMask")]
    _update_mask: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyBody {
    version: Option<i64>,
    etag: Option<String>,
    #[serde(default)]
    bindings: Vec<Binding>,
    /// Cloud Storage's.
    #[serde(rename = "kind")]
    _kind: Option<String>,
    /// Cloud Storage's.
    #[serde(rename = "resourceId")]
    _resource_id: Option<String>,
}

/// Returns a policy as Cloud Storage shows it.
pub(super) fn bucket_policy_json(bucket: &str, mut policy: Value) -> Value {
    policy["kind"] = "storage#policy".into();
    policy["resourceId"] = format!("projects/_/buckets/{bucket}").into();
    policy
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreateServiceAccount {
    account_id: String,
    #[serde(rename = "serviceAccount")]
    _service_account: Option<Value>,
}

impl Google {
    pub(super) fn project_policy(&self, caller: &Principal, project: &str) -> Result<Value, ApiError> {
        let project = self.project_with(caller, project, "resourcemanager.projects.getIamPolicy")?;
        Ok(project.policy.to_json())
    }

    pub(super) fn set_project_policy(
        &self,
        caller: &Principal,
        project: &str,
        request: &Request,
    ) -> Result<Value, ApiError> {
        let project = self.project_with(caller, project, "resourcemanager.projects.setIamPolicy")?;
        self.set_policy(&project.policy, request)
    }

    pub(super) fn administer_service_accounts(
        &self,
        caller: &Principal,
        method: &Method,
        target: &Target,
        verb: &str,
        request: &Request,
    ) -> Result<Value, ApiError> {
        match (method, target, verb) {
            (&Method::POST, Target::ServiceAccounts { project }, "") => {
                self.create_service_account(caller, project, request)
            }
            (&Method::GET, Target::ServiceAccounts { project }, "") => {
                self.list_service_accounts(caller, project)
            }
            (&Method::DELETE, Target::ServiceAccount { project, email }, "") => {
                self.owner_of(caller, project, email, "iam.serviceAccounts.delete")?;
                if !self.service_accounts.delete(email) {
                    return Err(error::no_service_account());
                }
                Ok(json!({}))
            }
            (&Method::GET, Target::ServiceAccount { project, email }, "") => {
                let project = self.owner_of(caller, project, email, "iam.serviceAccounts.get")?;
                let found = self.service_accounts.find(email).ok_or_else(error::no_service_account)?;
                Ok(service_account_json(&project, email, &found.unique_id))
            }
            (&Method::POST, Target::ServiceAccount { project, email }, "getIamPolicy") => {
                self.owner_of(caller, project, email, "iam.serviceAccounts.getIamPolicy")?;
                let version = Fields::from_query(request);
                let version = version.value("options.requestedPolicyVersion");
                if version.is_some_and(|version| !["0", "1", "3"].contains(&version)) {
                    return Err(error::invalid("Policy version must be 0, 1, or 3."));
                }
                let found = self.service_accounts.find(email).ok_or_else(error::no_service_account)?;
                Ok(found.policy.to_json())
            }
            (&Method::POST, Target::ServiceAccount { project, email }, "setIamPolicy") => {
                self.owner_of(caller, project, email, "iam.serviceAccounts.setIamPolicy")?;
                let found = self.service_accounts.find(email).ok_or_else(error::no_service_account)?;
                self.set_policy(&found.policy, request)
            }
            _ => Err(ApiError::unknown_method(request)),
        }
    }

    /// Returns the ID of a service account's project, if the path names that project or `-`, and the caller has the
    /// permission there.
    fn owner_of(
        &self,
        caller: &Principal,
        project: &str,
        email: &str,
        permission: &'static str,
    ) -> Result<String, ApiError> {
        let own =
            email.strip_suffix(DOMAIN).and_then(|name| name.split_once('@')).map(|(_, project)| project);
        let own = own.ok_or_else(error::no_service_account)?;
        let named = if project == "-" { own } else { project };
        let named =
            self.project_with(caller, named, permission).map_err(|_| missing_permission(permission))?;
        if named.id != own {
            return Err(error::no_service_account());
        }
        Ok(named.id.clone())
    }

    /// Lists the service accounts on one page.
    fn list_service_accounts(&self, caller: &Principal, project: &str) -> Result<Value, ApiError> {
        const PERMISSION: &str = "iam.serviceAccounts.list";
        let project =
            self.project_with(caller, project, PERMISSION).map_err(|_| missing_permission(PERMISSION))?;
        let found = self.service_accounts.in_domain(&format!("@{}{DOMAIN}", project.id));
        let found =
            found.iter().map(|found| service_account_json(&project.id, &found.email, &found.unique_id));
        Ok(json!({"accounts": found.collect::<Vec<_>>()}))
    }

    fn create_service_account(
        &self,
        caller: &Principal,
        project: &str,
        request: &Request,
    ) -> Result<Value, ApiError> {
        const PERMISSION: &str = "iam.serviceAccounts.create";
        let project =
            self.project_with(caller, project, PERMISSION).map_err(|_| missing_permission(PERMISSION))?;
        let body: CreateServiceAccount = json_body(request)?;
        if !is_account_id(&body.account_id) {
            return Err(error::invalid("Invalid service account ID."));
        }
        let email = format!("{}@{}{DOMAIN}", body.account_id, project.id);
        let Some(account) = self.service_accounts.create(&email) else {
            let message =
                format!("Service account {} already exists within project {}.", body.account_id, project.id);
            return Err(ApiError::new(
                http::StatusCode::CONFLICT,
                "ALREADY_EXISTS",
                "alreadyExists",
                message,
            ));
        };
        Ok(service_account_json(&project.id, &email, &account.unique_id))
    }

    fn set_policy(&self, policy: &ResourcePolicy, request: &Request) -> Result<Value, ApiError> {
        let body: SetPolicy = json_body(request)?;
        self.replace_policy(policy, body.policy)
    }

    /// Replaces the policy of a bucket, which is the whole body.
    pub(super) fn set_bucket_policy(
        &self,
        policy: &ResourcePolicy,
        request: &Request,
    ) -> Result<Value, ApiError> {
        let body = json_body(request)?;
        self.replace_policy(policy, body)
    }

    fn replace_policy(&self, policy: &ResourcePolicy, body: PolicyBody) -> Result<Value, ApiError> {
        let PolicyBody { version, etag, bindings, .. } = body;
        if ![0, 1, MAX_VERSION].contains(&version.unwrap_or_default()) {
            return Err(error::invalid("Policy version must be 0, 1, or 3."));
        }
        for binding in &bindings {
            if !is_role(&binding.role) {
                return Err(error::invalid(format!(
                    "Role {} is not supported for this resource.",
                    binding.role
                )));
            }
            for member in &binding.members {
                self.check_member(member)?;
            }
        }
        policy.replace(etag.as_deref(), bindings).map_err(|rejected| match rejected {
            Rejected::Stale => error::concurrent_policy_changes(),
            Rejected::Invalid(problem) => error::invalid(problem),
        })
    }

    /// Rejects a member that does not exist, as Google does.
    fn check_member(&self, member: &str) -> Result<(), ApiError> {
        if !is_member(member) {
            return Err(error::invalid(format!("The member {member} is of an unknown type or invalid.")));
        }
        if let Some(pool) = pool_of_member(member).filter(|pool| !self.pools.exists(pool)) {
            let pool = pool.trim_start_matches("//").split_once('/').map_or("", |(_, name)| name);
            return Err(error::invalid(format!(
                "Identity Pool does not exist ({pool}). Please check that you specified a valid resource name as \
                 returned in the `name` attribute in the configuration API."
            )));
        }
        if let Some(email) = member.strip_prefix("serviceAccount:")
            && self.service_accounts.find(email).is_none()
        {
            return Err(error::invalid(format!("Service account {email} does not exist.")));
        }
        Ok(())
    }
}

/// Returns true for 6 to 30 characters that begin with a letter and do not end with a hyphen.
fn is_account_id(id: &str) -> bool {
    (6..=30).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn service_account_json(project: &str, email: &str, unique_id: &str) -> Value {
    json!({
        "name": format!("projects/{project}/serviceAccounts/{email}"),
        "projectId": project,
        "uniqueId": unique_id,
        "email": email,
        "oauth2ClientId": unique_id,
    })
}
