//! The cluster that kubectl would talk to: the way to it, and its answers in bounds and in words.

pub(crate) mod chart_names;
pub(crate) mod fetch;
pub(crate) mod owner;

use std::error::Error;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rolebridge_core::error_chain::chain;
use tokio::time::timeout;

use crate::error::CliError;

/// How long the API server has for each answer.
const API_TIMEOUT: Duration = Duration::from_secs(15);

/// Runs what asks a cluster: only that is asynchronous here.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// A client, and the namespace that the kubeconfig's context names.
pub(crate) async fn connect(context: Option<&str>) -> Result<(Client, String), CliError> {
    let failure = |error: &dyn Error| CliError::Cluster(error.to_string());
    let config = match context {
        None => Config::infer().await.map_err(|error| failure(&error))?,
        Some(context) => {
            let options =
                KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            let read = Kubeconfig::read().map_err(|error| failure(&error))?;
            Config::from_custom_kubeconfig(read, &options).await.map_err(|error| failure(&error))?
        }
    };
    let namespace = config.default_namespace.clone();
    Ok((Client::try_from(config).map_err(|error| failure(&error))?, namespace))
}

/// Waits for the API server's answer, in bounds.
pub(crate) async fn with_timeout<T>(
    what: &str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, CliError> {
    match timeout(API_TIMEOUT, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => Err(CliError::Cluster(format!("{what}: {}", status.message))),
        Ok(Err(error)) => Err(CliError::Cluster(format!("{what}: {}", display_chain(&error)))),
        Err(_) => Err(CliError::Cluster(format!("{what}: no answer within {API_TIMEOUT:?}"))),
    }
}

/// An error with its causes: that a connection failed says little without why.
pub(crate) fn display_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in chain(error).skip(1) {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
    }
    text
}
