//! The cluster that kubectl would talk to: the way to it, and its answers in bounds and in words.

use std::error::Error;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rolebridge_core::error_chain::chain;
use tokio::time::timeout;

use crate::failure::Failure;

/// How long the API server has for each answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs what asks a cluster: only that is asynchronous here.
pub(crate) fn wait_for<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// A client, and the namespace that the kubeconfig's context names.
pub(crate) async fn connect(context: Option<&str>) -> Result<(Client, String), Failure> {
    let failure = |error: &dyn Error| Failure::Cluster(error.to_string());
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
pub(crate) async fn answer<T>(what: &str, call: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
    match timeout(PATIENCE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => Err(Failure::Cluster(format!("{what}: {}", status.message))),
        Ok(Err(error)) => Err(Failure::Cluster(format!("{what}: {}", whole(&error)))),
        Err(_) => Err(Failure::Cluster(format!("{what}: no answer within {PATIENCE:?}"))),
    }
}

/// An error with its causes: that a connection failed says little without why.
pub(crate) fn whole(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in chain(error).skip(1) {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
    }
    text
}
