//! Client of the Kubernetes API, as production builds it.

use std::time::Duration;

use kube::{Client, Config};

use crate::list_watch::MAX_SILENCE;

/// Time without a byte from the API server after which a connection is closed. Longer than the deadlines of all callers, which
/// name the call in their errors; watches have the longest.
const READ_TIMEOUT: Duration = MAX_SILENCE.saturating_add(Duration::from_secs(5));

/// Creates a client for the cluster of KUBECONFIG, else for the cluster that this pod runs in.
///
/// # Errors
///
/// Returns an error with a remediation if no cluster is configured, or if the configuration is invalid.
pub async fn infer() -> Result<Client, String> {
    let config = Config::infer().await.map_err(|error| {
        format!(
            "no Kubernetes API is configured: {error}. Fix: set KUBECONFIG, or run in a pod with a service account."
        )
    })?;
    with_config(config).map_err(|error| format!("could not create the Kubernetes client: {error}"))
}

/// Creates a client that sends each request once.
///
/// By default, kube retries the statuses 429, 503 and 504 up to 15 times, for minutes. The callers have retries, deadlines,
/// counters and log lines of their own: hidden retries would multiply their requests, and hide an outage from all of them.
///
/// # Errors
///
/// Returns an error if the configuration is invalid.
pub fn with_config(mut config: Config) -> kube::Result<Client> {
    config.default_retry = false;
    config.read_timeout = Some(READ_TIMEOUT);
    Client::try_from(config)
}
