//! The Lease in the API.
//!
//! The chart makes it, empty. Where nobody applied it (Argo CD leaves Leases out), or somebody deleted it, a candidate
//! makes it, and it goes with the Secret. Not when it is missed for the first time: Helm makes it right after the
//! Deployment, and fails if it is there.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, Resource};
use tokio::time::Instant;

use super::lease::{Candidate, Decision};
use super::objects::Objects;
use super::{FIELD_MANAGER, Settings};
use crate::ask::{Refused, ask};

/// The one of the settings.
pub(super) struct Leases {
    api: Api<Lease>,
    name: String,
    objects: Objects,
}

/// What a candidate has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    Held,
    Others,
    /// Somebody else wrote first; what it means is seen the next time.
    Raced,
    /// There is none. It is made if there is none the next time.
    Missed,
}

impl Leases {
    pub(super) fn new(client: Client, settings: &Settings) -> Self {
        let api = Api::namespaced(client.clone(), &settings.secret.namespace);
        let objects = Objects::new(client, settings.secret.clone());
        Self { api, name: settings.lease.clone(), objects }
    }

    /// Holds it for the candidate, if it can be had.
    pub(super) async fn attempt(&self, candidate: &mut Candidate) -> Result<Attempt, String> {
        let found = self.read().await?;
        if candidate.misses_at_first(found.is_none()) {
            return Ok(Attempt::Missed);
        }
        let spec = found.as_ref().and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let Decision::Claim(claim) = candidate.decide(&spec, Timestamp::now(), Instant::now()) else {
            return Ok(Attempt::Others);
        };
        match found {
            Some(lease) => self.write(&Lease { spec: Some(claim), ..lease }).await,
            None => self.make(claim).await,
        }
    }

    /// Lets go of it, so that another replica need not wait.
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
        let found = ask(self.api.get_opt(&self.name)).await;
        found.map_err(|error| format!("The Lease {} cannot be read: {error}.", self.name))
    }

    async fn write(&self, lease: &Lease) -> Result<Attempt, String> {
        self.attempted(ask(self.api.replace(&self.name, &params(), lease)).await, "written")
    }

    /// An uninstallation that never heard of this Lease deletes the Secret, and it goes with that.
    async fn make(&self, claim: LeaseSpec) -> Result<Attempt, String> {
        let secret = self.objects.read().await?;
        let metadata = ObjectMeta {
            name: Some(self.name.clone()),
            owner_references: secret.owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        };
        let lease = Lease { metadata, spec: Some(claim) };
        self.attempted(ask(self.api.create(&params(), &lease)).await, "made")
    }

    fn attempted(&self, written: Result<Lease, Refused>, what: &str) -> Result<Attempt, String> {
        match written {
            Ok(_) => Ok(Attempt::Held),
            Err(error) if error.is_conflict() => Ok(Attempt::Raced),
            Err(error) => Err(format!("The Lease {} cannot be {what}: {error}.", self.name)),
        }
    }
}

fn params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}
