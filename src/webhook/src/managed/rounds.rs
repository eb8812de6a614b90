//! Looks at the Secret and the configurations, serves what is there, and does what is planned.

use std::error::Error;

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::counts::{Renewed, Step};
use super::document::{self, Data};
use super::objects::Objects;
use super::plan::{Change, Plan, Publication, plan};
use super::policy::Policy;
use super::published::{Moment, Published};
use super::state::State;
use super::{Settings, Shared, serve};
use crate::ask::Refused;
use crate::configurations::{self, Configuration};
use crate::trust::pause;

pub(super) struct Rounds {
    client: Client,
    objects: Objects,
    settings: Settings,
    shared: Shared,
    leads: watch::Receiver<bool>,
    published: Published,
}

/// A CA, its publication, a certificate, and some more.
const STEPS_AT_ONCE: usize = 8;

/// Whether there is more to do at once.
enum Next {
    Again,
    Wait,
}

impl Rounds {
    pub(super) fn new(
        client: Client,
        settings: Settings,
        shared: Shared,
        leads: watch::Receiver<bool>,
    ) -> Self {
        let objects = Objects::new(client.clone(), settings.secret.clone());
        Self { client, objects, settings, shared, leads, published: Published::default() }
    }

    pub(super) async fn follow(mut self) {
        loop {
            self.shared.counts.leads(*self.leads.borrow_and_update());
            // Whoever undoes what is done here must not be fought without a pause.
            for _ in 0..STEPS_AT_ONCE {
                if let Next::Wait = self.round().await {
                    break;
                }
            }
            let Shared { trust, certificates, .. } = &self.shared;
            tokio::select! {
                () = sleep(pause(trust, certificates, self.settings.interval)) => {}
                // It fails where leading has ended for good.
                Ok(()) = self.leads.changed() => {}
            }
        }
    }

    async fn round(&mut self) -> Next {
        let configurations = self.read_configurations().await;
        // Read after the configurations: then every CA that is published is in what is read here.
        let secret = self.objects.read().await.map_err(|error| self.failed(Step::ReadSecret, &error)).ok();
        let moment = Moment::now();
        let informed = configurations.is_some();
        if let Some(configurations) = configurations {
            self.published.observe(&configurations, moment.instant);
            self.shared.trust.see(configurations);
        }
        let Some(mut secret) = secret else { return Next::Wait };
        let data = secret.data.get_or_insert_default();
        let (state, faults) = document::read(data, &self.settings.policy.server_name(), moment.time);
        self.shared.counts.authority_ends(state.authority.as_ref().map(|authority| authority.not_after));
        self.serve(&state, moment);
        if !informed {
            return Next::Wait;
        }
        let mut plan = plan(&state, moment, &self.published, &self.settings.policy);
        if !*self.leads.borrow() {
            plan.change = None;
        }
        self.act(plan, state, &faults, secret, moment).await
    }

    async fn read_configurations(&self) -> Option<Vec<Configuration>> {
        let found = configurations::read(&self.client, self.shared.trust.names()).await;
        let found = found.map_err(|error| self.failed(Step::ReadConfigurations, &error)).ok()?;
        let Policy { namespace, service, .. } = &self.settings.policy;
        Some(found.into_iter().map(|configuration| configuration.of_service(namespace, service)).collect())
    }

    fn serve(&self, state: &State, moment: Moment) {
        let Some(pair) = state.leaf.as_ref().and_then(|leaf| leaf.keyed.pair()) else { return };
        let served = self.shared.certificates.served();
        if serve::is_better(&pair, served.as_deref(), &self.published, moment, &self.settings.policy) {
            info!(not_after = %pair.not_after(), "certificate taken from the Secret");
            self.shared.certificates.serve(pair);
        }
    }

    async fn act(
        &self,
        plan: Plan,
        state: State,
        faults: &[String],
        mut secret: Secret,
        moment: Moment,
    ) -> Next {
        let mut again = !plan.publications.is_empty() || plan.change.is_some();
        for publication in &plan.publications {
            again &= self.publish(publication).await;
        }
        if let Some(change) = plan.change {
            for fault in faults {
                warn!(fault, "the Secret is spoilt; it is mended");
            }
            match self.changed(change, state, secret.data.get_or_insert_default(), moment) {
                Ok(next) => again &= self.write(change, &next, &secret).await,
                Err(error) => {
                    self.failed(Step::WriteSecret, &format!("No certificate can be made: {error}."));
                    again = false;
                }
            }
        }
        if again { Next::Again } else { Next::Wait }
    }

    async fn publish(&self, publication: &Publication) -> bool {
        let (configuration, authorities) = (&publication.configuration, publication.authorities.len());
        let written = self.objects.publish(publication).await;
        if written.is_ok() {
            let entries: Vec<_> = publication.entries.iter().map(|(_, name)| name.as_str()).collect();
            self.shared.counts.renewal(Renewed::Bundle);
            info!(configuration, entries = entries.join(", "), authorities, "CAs published");
        }
        self.goes_on(written, Step::Publish, &format!("The MutatingWebhookConfiguration {configuration}"))
    }

    /// The state after a change, put into the Secret's data.
    fn changed(
        &self,
        change: Change,
        state: State,
        data: &mut Data,
        moment: Moment,
    ) -> Result<State, Box<dyn Error + Send + Sync>> {
        let next = change.apply(state, moment, &self.published, &self.settings.policy)?;
        document::write(&next, data)?;
        Ok(next)
    }

    async fn write(&self, change: Change, next: &State, secret: &Secret) -> bool {
        let written = self.objects.write(secret).await;
        if written.is_ok() {
            self.tell(change, next);
        }
        self.goes_on(written, Step::WriteSecret, &format!("The Secret {}", self.settings.secret))
    }

    /// Whether to look again at once: if it was written, or somebody else has written it first.
    fn goes_on(&self, written: Result<(), Refused>, step: Step, what: &str) -> bool {
        match written {
            Ok(()) => true,
            Err(error) if error.is_conflict() => {
                info!(what, "somebody else has written it first; looking again");
                true
            }
            Err(error) => {
                self.failed(step, &format!("{what} cannot be written: {error}."));
                false
            }
        }
    }

    fn tell(&self, change: Change, next: &State) {
        let old = next.old.as_ref().map_or(0, Vec::len);
        let counts = &self.shared.counts;
        if let (Change::Begin | Change::Rotate, Some(authority)) = (change, &next.authority) {
            counts.renewal(Renewed::Authority);
            info!(not_after = %authority.not_after, old, "new CA");
        }
        // The first CA of all comes with a certificate.
        let leaf = next.leaf.as_ref().filter(|leaf| leaf.of_authority);
        if let (Change::Begin | Change::Sign, Some(leaf)) = (change, leaf) {
            counts.renewal(Renewed::Certificate);
            info!(not_after = %leaf.keyed.not_after, "new certificate");
        }
        if let Change::Adopt | Change::Forget = change {
            info!(old, "CAs of before that are still trusted");
        }
    }

    fn failed(&self, step: Step, sentence: &str) {
        self.shared.counts.failure(step);
        error!(sentence, "managing the certificate; trying again");
    }
}
