//! Reconciles the Secret and the webhook configurations: serves the certificate and carries out the plan.

use std::error::Error;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::client::ManagedObjects;
use super::metrics::{CertStep, ManagedCertMetrics, RenewedObject};
use super::plan::{CertPlan, Change, Publication, plan};
use super::policy::Policy;
use super::propagation::{ClockReading, Propagation};
use super::secret::{self, SecretData};
use super::select;
use super::settings::Settings;
use super::state::CertState;
use crate::api_error::ApiError;
use crate::cert_trust::CertTrust;
use crate::http::cert_resolver::CertResolver;
use crate::http::drain::Drain;
use crate::webhook_config::WebhookConfig;
use crate::webhook_config_reader;
use crate::webhook_config_watch::ConfigChanges;

/// Maximum number of reconciliations without a pause: a CA, its publication, a certificate, and some reserve.
const MAX_CONSECUTIVE_RECONCILIATIONS: usize = 8;

/// State shared with the rest of the program.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Serving certificate.
    pub resolver: Arc<CertResolver>,
    /// Trust of API servers in the serving certificate.
    pub trust: Arc<CertTrust>,
    /// Changes of the webhook configurations.
    pub config_changes: Arc<ConfigChanges>,
    /// Metrics of the managed certificate.
    pub metrics: Arc<ManagedCertMetrics>,
    /// Phase of the shutdown. Leadership ends when the shutdown begins.
    pub drain: Arc<Drain>,
}

pub(super) struct Reconciler {
    client: Client,
    objects: ManagedObjects,
    settings: Settings,
    shared: Shared,
    is_leader: watch::Receiver<bool>,
    propagation: Propagation,
}

/// Next step after a reconciliation.
enum Action {
    /// Reconcile again at once.
    Requeue,
    /// Wait for the next interval or a change of leadership.
    AwaitChange,
}

impl Reconciler {
    pub(super) fn new(
        client: Client,
        settings: Settings,
        shared: Shared,
        is_leader: watch::Receiver<bool>,
    ) -> Self {
        let objects = ManagedObjects::new(client.clone(), settings.secret.clone());
        Self { client, objects, settings, shared, is_leader, propagation: Propagation::default() }
    }

    /// Reconciles after each change of the configurations and periodically, forever.
    pub(super) async fn run(mut self) {
        loop {
            self.shared.metrics.set_leader(*self.is_leader.borrow_and_update());
            // The limit prevents a hot loop against another controller that undoes the changes.
            for _ in 0..MAX_CONSECUTIVE_RECONCILIATIONS {
                if let Action::AwaitChange = self.reconcile().await {
                    break;
                }
            }
            let Shared { trust, resolver, config_changes, .. } = &self.shared;
            tokio::select! {
                () = sleep(trust.poll_delay(resolver, self.settings.interval)) => {}
                // A wiped caBundle is restored at once.
                () = config_changes.changed() => {}
                // Fails once leadership has ended for good.
                Ok(()) = self.is_leader.changed() => {}
            }
        }
    }

    async fn reconcile(&mut self) -> Action {
        let configs = self.read_configs().await;
        // Read after the configurations, so that it contains every CA that is published.
        let secret = self.objects.read_secret().await;
        let secret = secret.map_err(|error| self.log_error(CertStep::ReadSecret, &error)).ok();
        let clock = ClockReading::now();
        let configs_read = configs.is_some();
        if let Some(configs) = configs {
            self.propagation.observe(&configs, clock.instant);
            self.shared.trust.observe(configs);
        }
        let Some(mut secret) = secret else { return Action::AwaitChange };
        let data = secret.data.get_or_insert_default();
        let (state, errors) = secret::read(data, &self.settings.policy.server_name(), clock.time);
        self.shared.metrics.set_ca_expiry(state.ca.as_ref().map(|ca| ca.not_after));
        self.serve(&state, clock);
        if !configs_read {
            return Action::AwaitChange;
        }
        let mut plan = plan(&state, clock, &self.propagation, &self.settings.policy);
        if !*self.is_leader.borrow() {
            plan.change = None;
        }
        self.carry_out(plan, state, &errors, secret, clock).await
    }

    async fn read_configs(&self) -> Option<Vec<WebhookConfig>> {
        let configs = webhook_config_reader::read(&self.client, self.shared.trust.names()).await;
        let configs = configs.map_err(|error| self.log_error(CertStep::ReadConfigurations, &error)).ok()?;
        let Policy { namespace, service, .. } = &self.settings.policy;
        Some(configs.into_iter().map(|config| config.of_service(namespace, service)).collect())
    }

    fn serve(&self, state: &CertState, clock: ClockReading) {
        let Some(next) = state.leaf.as_ref().and_then(|leaf| leaf.cert_and_key.to_serving_cert()) else {
            return;
        };
        let current = self.shared.resolver.current();
        let policy = &self.settings.policy;
        if select::should_replace(&next, current.as_deref(), &self.propagation, clock, policy) {
            info!(not_after = %next.not_after(), "serving the certificate from the Secret");
            self.shared.resolver.replace(next);
        }
    }

    async fn carry_out(
        &self,
        plan: CertPlan,
        state: CertState,
        secret_errors: &[String],
        mut secret: Secret,
        clock: ClockReading,
    ) -> Action {
        let mut requeue = !plan.publications.is_empty() || plan.change.is_some();
        for publication in &plan.publications {
            requeue &= self.publish(publication).await;
        }
        if let Some(change) = plan.change {
            for error in secret_errors {
                warn!(error, "Secret is invalid; regenerating");
            }
            match self.apply(change, state, secret.data.get_or_insert_default(), clock) {
                Ok(next) => requeue &= self.write_secret(change, &next, &secret).await,
                Err(error) => {
                    self.log_error(CertStep::WriteSecret, &format!("could not issue a certificate: {error}"));
                    requeue = false;
                }
            }
        }
        if requeue { Action::Requeue } else { Action::AwaitChange }
    }

    async fn publish(&self, publication: &Publication) -> bool {
        let (configuration, cas) = (&publication.config, publication.cas.len());
        let result = self.objects.publish(publication).await;
        if result.is_ok() {
            let entries: Vec<_> = publication.entries.iter().map(|(_, name)| name.as_str()).collect();
            self.shared.metrics.record_renewal(RenewedObject::CaBundle);
            info!(configuration, entries = entries.join(", "), cas, "CAs published");
        }
        self.should_requeue(
            result,
            CertStep::Publish,
            &format!("MutatingWebhookConfiguration {configuration}"),
        )
    }

    /// Applies a change, and encodes the new state into the Secret's data.
    fn apply(
        &self,
        change: Change,
        state: CertState,
        data: &mut SecretData,
        clock: ClockReading,
    ) -> Result<CertState, Box<dyn Error + Send + Sync>> {
        let next = change.apply(state, clock, &self.propagation, &self.settings.policy)?;
        secret::write(&next, data)?;
        Ok(next)
    }

    async fn write_secret(&self, change: Change, next: &CertState, secret: &Secret) -> bool {
        let result = self.objects.write_secret(secret).await;
        if result.is_ok() {
            self.record_change(change, next);
        }
        self.should_requeue(result, CertStep::WriteSecret, &format!("Secret {}", self.settings.secret))
    }

    /// Returns whether to reconcile again at once: after a write, and after a write conflict.
    fn should_requeue(&self, result: Result<(), ApiError>, step: CertStep, object: &str) -> bool {
        match result {
            Ok(()) => true,
            Err(error) if error.is_conflict() => {
                info!(object, "write conflict; retrying");
                true
            }
            Err(error) => {
                self.log_error(step, &format!("failed to write {object}: {error}"));
                false
            }
        }
    }

    fn record_change(&self, change: Change, next: &CertState) {
        let retired_cas = next.retired.as_ref().map_or(0, Vec::len);
        let metrics = &self.shared.metrics;
        if let (Change::Bootstrap | Change::RotateCa, Some(ca)) = (change, &next.ca) {
            metrics.record_renewal(RenewedObject::Ca);
            info!(not_after = %ca.not_after, retired_cas, "new CA");
        }
        // The very first CA comes with a certificate.
        let leaf = next.leaf.as_ref().filter(|leaf| leaf.issued_by_current_ca);
        if let (Change::Bootstrap | Change::IssueLeaf, Some(leaf)) = (change, leaf) {
            metrics.record_renewal(RenewedObject::Certificate);
            info!(not_after = %leaf.cert_and_key.not_after, "new certificate");
        }
        if let Change::AdoptTrusted | Change::PruneRetired = change {
            info!(retired_cas, "retired CAs changed");
        }
    }

    fn log_error(&self, step: CertStep, error: &str) {
        self.shared.metrics.record_error(step);
        error!("failed to manage the certificate; retrying: {error}");
    }
}
