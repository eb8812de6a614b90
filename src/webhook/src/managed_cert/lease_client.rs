//! Reads and writes the Lease.
//!
//! The chart creates it empty. If it was not applied (Argo CD ignores Leases) or was deleted, a replica creates it with
//! the Secret as its owner. The replica waits for a second 404, because Helm creates the Lease right after the Deployment
//! and fails if it exists.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, Resource};
use tokio::time::Instant;

use super::client::{FIELD_MANAGER, ManagedObjects};
use super::leader::{LeaseAction, LeaseHolder};
use super::settings::Settings;
use crate::api_call::{BACKGROUND_TIMEOUT, call_with_timeout};
use crate::api_error::ApiError;

/// Client for the Lease of the settings.
pub(super) struct LeaseClient {
    api: Api<Lease>,
    name: String,
    objects: ManagedObjects,
}

/// Result of an attempt to acquire or renew the Lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AcquireResult {
    Acquired,
    HeldByOther,
    /// Another replica wrote first; the next attempt sees the result.
    Conflict,
    /// The Lease is missing. It is created if the next attempt finds it missing too.
    NotFound,
}

impl LeaseClient {
    pub(super) fn new(client: Client, settings: &Settings) -> Self {
        let api = Api::namespaced(client.clone(), &settings.secret.namespace);
        let objects = ManagedObjects::new(client, settings.secret.clone());
        Self { api, name: settings.lease.clone(), objects }
    }

    /// Tries to acquire or renew the Lease.
    pub(super) async fn acquire(&self, holder: &mut LeaseHolder) -> Result<AcquireResult, String> {
        let lease = self.read().await?;
        if holder.is_first_miss(lease.is_none()) {
            return Ok(AcquireResult::NotFound);
        }
        let spec = lease.as_ref().and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let LeaseAction::Acquire(spec) = holder.decide(&spec, Timestamp::now(), Instant::now()) else {
            return Ok(AcquireResult::HeldByOther);
        };
        match lease {
            Some(lease) => self.write(&Lease { spec: Some(spec), ..lease }).await,
            None => self.create(spec).await,
        }
    }

    /// Releases the Lease, so that another replica does not wait for its expiry.
    pub(super) async fn release(&self, identity: &str) -> Result<(), String> {
        let Some(mut lease) = self.read().await? else { return Ok(()) };
        let Some(spec) = lease.spec.as_mut() else { return Ok(()) };
        if spec.holder_identity.as_deref() == Some(identity) {
            spec.holder_identity = None;
            spec.renew_time = Some(MicroTime(Timestamp::now()));
            self.write(&lease).await?;
        }
        Ok(())
    }

    async fn read(&self) -> Result<Option<Lease>, String> {
        let lease = call_with_timeout(BACKGROUND_TIMEOUT, self.api.get_opt(&self.name)).await;
        lease.map_err(|error| format!("failed to read Lease {}: {error}", self.name))
    }

    async fn write(&self, lease: &Lease) -> Result<AcquireResult, String> {
        let params = params();
        let call = self.api.replace(&self.name, &params, lease);
        self.acquire_result(call_with_timeout(BACKGROUND_TIMEOUT, call).await, "write")
    }

    /// Creates the Lease. The Secret owns it, so an uninstallation that does not know the Lease deletes it too.
    async fn create(&self, spec: LeaseSpec) -> Result<AcquireResult, String> {
        let secret = self.objects.read_secret().await?;
        let metadata = ObjectMeta {
            name: Some(self.name.clone()),
            owner_references: secret.owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        };
        let lease = Lease { metadata, spec: Some(spec) };
        let params = params();
        let call = self.api.create(&params, &lease);
        self.acquire_result(call_with_timeout(BACKGROUND_TIMEOUT, call).await, "create")
    }

    fn acquire_result(&self, result: Result<Lease, ApiError>, verb: &str) -> Result<AcquireResult, String> {
        match result {
            Ok(_) => Ok(AcquireResult::Acquired),
            Err(error) if error.is_conflict() => Ok(AcquireResult::Conflict),
            Err(error) => Err(format!("failed to {verb} Lease {}: {error}", self.name)),
        }
    }
}

fn params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}
