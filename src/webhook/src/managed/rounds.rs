//! Looks at the Secret and the configurations, serves what is there, and does what is planned.

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::counts::{Renewed, Step};
use super::objects::Objects;
use super::plan::{Change, Plan, Publication, plan};
use super::policy::Policy;
use super::published::{Moment, Published};
use super::state::State;
use super::{Settings, Shared, document, serve};
use crate::configurations::{self, Configuration};
use crate::trust::{EAGER, is_missing};

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
            let waiting = is_missing(&self.shared.trust, &self.shared.certificates);
            let every = self.settings.interval;
            tokio::select! {
                () = sleep(if waiting { EAGER.min(every) } else { every }) => {}
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
        plan.change = plan.change.filter(|_| *self.leads.borrow());
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

    async fn act(&self, plan: Plan, state: State, faults: &[String], secret: Secret, moment: Moment) -> Next {
        let mut done = true;
        for publication in &plan.publications {
            done &= self.publish(publication).await;
        }
        if let Some(change) = plan.change {
            for fault in faults {
                warn!(fault, "the Secret is spoilt; it is mended");
            }
            done &= self.change(change, state, secret, moment).await;
        }
        let acted = plan.change.is_some() || !plan.publications.is_empty();
        if acted && done { Next::Again } else { Next::Wait }
    }

    async fn publish(&self, publication: &Publication) -> bool {
        let entries: Vec<_> = publication.entries.iter().map(|(_, name)| name.as_str()).collect();
        let (configuration, entries) = (&publication.configuration, entries.join(", "));
        match self.objects.publish(publication).await {
            Ok(()) => {
                self.shared.counts.renewal(Renewed::Bundle);
                info!(configuration, entries, authorities = publication.authorities.len(), "CAs published");
                true
            }
            Err(error) if error.is_conflict() => {
                info!(configuration, "somebody else changed it first; looking again");
                false
            }
            Err(error) => {
                self.failed(
                    Step::Publish,
                    &format!(
                        "The CA cannot be put into the MutatingWebhookConfiguration {configuration}: {error}."
                    ),
                );
                false
            }
        }
    }

    async fn change(&self, change: Change, state: State, mut secret: Secret, moment: Moment) -> bool {
        let mut data = secret.data.take().unwrap_or_default();
        let next = change.apply(state, moment, &self.published, &self.settings.policy);
        let next = match next.map_err(|error| error.to_string()).and_then(|next| {
            document::write(&next, &mut data).map(|()| next).map_err(|error| error.to_string())
        }) {
            Ok(next) => next,
            Err(error) => {
                self.failed(Step::WriteSecret, &format!("No certificate can be made: {error}."));
                return false;
            }
        };
        secret.data = Some(data);
        match self.objects.write(&secret).await {
            Ok(()) => {
                self.changed(change, &next);
                true
            }
            Err(error) if error.is_conflict() => {
                info!(secret = %self.settings.secret, "somebody else changed it first; looking again");
                false
            }
            Err(error) => {
                let secret = &self.settings.secret;
                self.failed(Step::WriteSecret, &format!("The Secret {secret} cannot be written: {error}."));
                false
            }
        }
    }

    fn changed(&self, change: Change, next: &State) {
        let old = next.old.as_ref().map_or(0, Vec::len);
        let ends = next.authority.as_ref().map(|authority| authority.not_after.to_string());
        let ends = ends.unwrap_or_default();
        match change {
            Change::Begin | Change::Rotate => {
                self.shared.counts.renewal(Renewed::Authority);
                info!(not_after = ends, old, "new CA");
            }
            Change::Sign => self.shared.counts.renewal(Renewed::Certificate),
            Change::Adopt | Change::Forget => info!(old, "CAs of before that are still trusted"),
        }
        if let (Change::Sign | Change::Begin, Some(leaf)) = (change, &next.leaf)
            && leaf.of_authority
        {
            info!(not_after = %leaf.keyed.not_after, "new certificate");
        }
    }

    fn failed(&self, step: Step, sentence: &str) {
        self.shared.counts.failure(step);
        error!(sentence, "managing the certificate; trying again");
    }
}
