//! Buckets and objects.

use crate::config;
use crate::error::ConfigError;
use crate::google::error::ApiError;
use crate::google::principal::Principal;
use crate::google::resource_policy::ResourcePolicy;

pub(super) const SCOPES: [&str; 3] = [
    "https://www.googleapis.com/auth/devstorage.read_only",
    "https://www.googleapis.com/auth/devstorage.read_write",
    "https://www.googleapis.com/auth/devstorage.full_control",
];

/// The buckets.
#[derive(Debug)]
pub(crate) struct Storage(Vec<Bucket>);

#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) policy: ResourcePolicy,
    pub(super) objects: Vec<config::Object>,
}

impl Storage {
    pub(crate) fn new(config: &[config::Bucket]) -> Result<Self, ConfigError> {
        let buckets = config.iter().map(|bucket| {
            let policy = ResourcePolicy::new(&format!("the bucket {}", bucket.name), &bucket.bindings)?;
            Ok(Bucket { name: bucket.name.clone(), policy, objects: bucket.objects.clone() })
        });
        buckets.collect::<Result<_, _>>().map(Self)
    }

    /// Returns the policy of a bucket if the caller has the permission.
    pub(in crate::google) fn policy(
        &self,
        name: &str,
        permission: &str,
        caller: &Principal,
    ) -> Result<&ResourcePolicy, ApiError> {
        self.bucket(name, permission, caller).map(|bucket| &bucket.policy)
    }

    /// Returns a bucket if the caller has the permission.
    pub(super) fn bucket(
        &self,
        name: &str,
        permission: &str,
        caller: &Principal,
    ) -> Result<&Bucket, ApiError> {
        let found = self.0.iter().find(|bucket| bucket.name == name);
        let found = found.ok_or_else(|| ApiError::not_found("The specified bucket does not exist."))?;
        if found.policy.grants(permission, caller) {
            return Ok(found);
        }
        let resource = if permission.starts_with("storage.objects.get") { "object" } else { "bucket" };
        Err(ApiError::forbidden(format!(
            "{} does not have {permission} access to the Google Cloud Storage {resource}. Permission '{permission}' \
             denied on resource (or it may not exist).",
            caller.name()
        )))
    }

    /// Returns an object that the caller may read.
    pub(super) fn object(
        &self,
        bucket: &str,
        name: &str,
        caller: &Principal,
    ) -> Result<&config::Object, ApiError> {
        let found = self.bucket(bucket, "storage.objects.get", caller)?;
        let object = found.objects.iter().find(|object| object.name == name);
        object.ok_or_else(|| ApiError::not_found(format!("No such object: {bucket}/{name}")))
    }
}
