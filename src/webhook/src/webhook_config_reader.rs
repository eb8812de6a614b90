//! Reads the webhook's own `MutatingWebhookConfiguration`s from the API server.

use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::{Api, Client};
use tokio::time::sleep;
use tracing::warn;

use crate::api_call::{BACKGROUND_TIMEOUT, call_with_timeout};
use crate::cert_trust::CertTrust;
use crate::http::cert_resolver::CertResolver;
use crate::webhook_config::WebhookConfig;
use crate::webhook_config_watch::ConfigChanges;

/// Reads the configurations with these names.
///
/// # Errors
///
/// Returns an error if a read fails. A missing configuration is not an error.
pub async fn read(client: &Client, names: &[String]) -> Result<Vec<WebhookConfig>, String> {
    let api: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let mut configs = Vec::with_capacity(names.len());
    for name in names {
        let object = call_with_timeout(BACKGROUND_TIMEOUT, api.get_opt(name))
            .await
            .map_err(|error| format!("failed to read MutatingWebhookConfiguration {name}: {error}"))?;
        configs.push(WebhookConfig::new(name, object));
    }
    Ok(configs)
}

/// Reads the configurations after each change and periodically, and updates `trust`, for a certificate that another program
/// renews.
pub async fn poll(
    client: Client,
    trust: &CertTrust,
    resolver: &CertResolver,
    changes: &ConfigChanges,
    interval: Duration,
) {
    if trust.names().is_empty() {
        return;
    }
    loop {
        match read(&client, trust.names()).await {
            Ok(configs) => trust.observe(configs),
            Err(error) => {
                warn!(error, "failed to check whether API servers trust the certificate; retrying");
            }
        }
        tokio::select! {
            () = sleep(trust.poll_delay(resolver, interval)) => {}
            () = changes.changed() => {}
        }
    }
}
