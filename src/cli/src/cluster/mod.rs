//! Access to the cluster that kubectl would use, with a deadline for each request.

pub(crate) mod chart_names;
mod env_keys;
pub(crate) mod exchanges;
pub(crate) mod fetch;
pub(crate) mod owner;
pub(crate) mod pod;
mod pod_release;
pub(crate) mod release;
pub(crate) mod scope;

use std::error::Error;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rolebridge_core::error_chain::chain;
use tokio::time::timeout;

use crate::error::CliError;
use crate::options::KubectlOptions;

/// The deadline for each request to the API server.
const API_TIMEOUT: Duration = Duration::from_secs(15);

/// Runs a future to completion: only requests to a cluster are asynchronous in this program.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Returns a client for the cluster that kubectl would use, and the namespace of the options or else of the context.
///
/// # Errors
///
/// Returns an error if there is no usable kubeconfig.
pub(crate) async fn connect(options: &KubectlOptions) -> Result<(Client, String), CliError> {
    let mut config = read_config(options).await?;
    // kube's own retries of the statuses 429, 503 and 504 outlast API_TIMEOUT, and hide the API server's message.
    config.default_retry = false;
    let namespace = options.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    if options.impersonated_user.is_some() {
        config.auth_info.impersonate.clone_from(&options.impersonated_user);
        // The user of a kubeconfig may impersonate groups already. They belong to that user.
        config.auth_info.impersonate_groups = Some(options.impersonated_groups.clone());
    }
    Ok((Client::try_from(config).map_err(|error| cluster_error(&error))?, namespace))
}

async fn read_config(options: &KubectlOptions) -> Result<Config, CliError> {
    let kubeconfig = match (&options.kubeconfig, &options.context) {
        (None, None) => return Config::infer().await.map_err(|error| cluster_error(&error)),
        (Some(path), _) => Kubeconfig::read_from(path),
        (None, Some(_)) => Kubeconfig::read(),
    };
    let kubeconfig = kubeconfig.map_err(|error| cluster_error(&error))?;
    let options = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| cluster_error(&error))
}

fn cluster_error(error: &(dyn Error + 'static)) -> CliError {
    CliError::Cluster(display_chain(error))
}

/// Awaits a future for at most `limit`.
///
/// # Errors
///
/// Returns a message for the user if the limit is exceeded.
pub(crate) async fn with_deadline<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, String> {
    timeout(limit, work).await.map_err(|_| format!("timed out after {limit:?}"))
}

/// Awaits a request to the API server for at most [`API_TIMEOUT`].
///
/// # Errors
///
/// Returns an error that begins with `subject`, the object or action of the request.
pub(crate) async fn with_timeout<T>(
    subject: &str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, CliError> {
    let message = match with_deadline(API_TIMEOUT, request).await {
        Ok(Ok(response)) => return Ok(response),
        Ok(Err(kube::Error::Api(status))) => status.message,
        Ok(Err(error)) => display_chain(&error),
        Err(message) => message,
    };
    Err(CliError::Cluster(format!("{subject}: {message}")))
}

/// Formats an error with its sources, because the outermost error of a failed connection does not name the cause.
pub(crate) fn display_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for source in chain(error).skip(1) {
        let message = source.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
    }
    text
}
