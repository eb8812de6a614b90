//! The running clouds, the handle that a test holds.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::aws::Aws;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::emulated::Emulated;
use crate::error::ConfigError;
use crate::events::{Event, EventLog};
use crate::faults::{Calls, Fault, FaultInjector};
use crate::google::{AdminCall, Google};
use crate::oidc::{Issuer, Issuers};
use crate::operation::Operation;
use crate::recorder::{RECORDS, Recorder};
use crate::server::{Backend, Server};
use crate::service::Service;
use crate::state::State;
use crate::tls::{Tls, TlsError};

/// Endpoints of the services: URLs without a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// AWS STS.
    pub aws_sts: String,
    /// Google STS.
    pub google_sts: String,
    /// Google's IAM Credentials API.
    pub iam_credentials: String,
    /// Google Cloud Storage.
    pub storage: String,
    /// Google BigQuery.
    pub bigquery: String,
    /// EKS Pod Identity agent.
    pub pod_identity: String,
    /// Google IAM, Resource Manager and Service Usage.
    pub google_admin: String,
    /// The APIs of emulators, in the configuration's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emulated: Vec<String>,
    /// The services on Cloud Run, in the configuration's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub run_services: Vec<String>,
    /// The applications behind Identity-Aware Proxy, in the configuration's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub iap_applications: Vec<String>,
}

/// An error at the start of the fakes.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Invalid configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No server certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No file for the records.
    #[error("failed to write to the folder in {RECORDS}: {0}")]
    Records(io::Error),
    /// No listener on a port.
    #[error("failed to listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// The cause.
        source: io::Error,
    },
}

/// Running fake AWS and Google. They shut down gracefully when this is dropped.
#[derive(Debug)]
pub struct Clouds {
    endpoints: Endpoints,
    ca_pem: Option<String>,
    issuers: Arc<Issuers>,
    state: Arc<State>,
    stop: watch::Sender<bool>,
    serving: JoinSet<()>,
}

/// The services in the order of their ports.
const SERVICES: [Service; 7] = [
    Service::AwsSts,
    Service::GoogleSts,
    Service::IamCredentials,
    Service::Storage,
    Service::BigQuery,
    Service::PodIdentity,
    Service::GoogleAdmin,
];

impl Clouds {
    /// Starts the clouds with the system clock.
    ///
    /// # Errors
    /// Returns an error if the configuration is invalid or a port is in use.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, &Clock::system()).await
    }

    /// Starts the clouds with another clock, which both clouds follow.
    ///
    /// # Errors
    /// Returns an error if the configuration is invalid or a port is in use.
    pub async fn start_with(config: Config, clock: &Clock) -> Result<Self, StartError> {
        let issuers = Arc::new(Issuers::new(&config)?);
        let state = Arc::new(State {
            aws: Aws::new(&config.aws, Arc::clone(&issuers))?,
            google: Google::new(&config.google, Arc::clone(&issuers))?,
            faults: FaultInjector::default(),
            events: EventLog::default(),
            recorder: Recorder::from_env().map_err(StartError::Records)?,
            aws_clock: clock.follower(),
            google_clock: clock.follower(),
        });
        let tls = config.tls.then(|| Tls::for_names(&certificate_names(&config))).transpose()?;
        let stop = watch::Sender::new(false);
        let mut serving = JoinSet::new();
        let mut urls = Vec::new();
        for (backend, offset) in backends(&config).into_iter().zip(0..) {
            let (listener, authority) = listen(&config, &backend, offset).await?;
            let tls = tls.as_ref().filter(|_| has_tls(&backend));
            urls.push(format!("{}://{authority}", if tls.is_some() { "https" } else { "http" }));
            let tls = tls.map(|tls| TlsAcceptor::from(Arc::clone(&tls.server)));
            let server = Server { listener, tls, backend, state: Arc::clone(&state), stop: stop.subscribe() };
            serving.spawn(server.run());
        }
        let mut urls = urls.into_iter();
        let mut next = || urls.next().unwrap_or_default();
        let endpoints = Endpoints {
            aws_sts: next(),
            google_sts: next(),
            iam_credentials: next(),
            storage: next(),
            bigquery: next(),
            pod_identity: next(),
            google_admin: next(),
            emulated: urls.by_ref().take(config.google.emulated.len()).collect(),
            run_services: urls.by_ref().take(config.google.run_services.len()).collect(),
            iap_applications: urls.collect(),
        };
        Ok(Self { endpoints, ca_pem: tls.map(|tls| tls.ca_pem), issuers, state, stop, serving })
    }

    /// Returns the endpoints of the services.
    #[must_use]
    pub const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Returns the endpoint of AWS STS, for `AWS_ENDPOINT_URL_STS`.
    #[must_use]
    pub fn aws_sts(&self) -> &str {
        &self.endpoints.aws_sts
    }

    /// Returns the endpoint of Google STS, without a path.
    #[must_use]
    pub fn google_sts(&self) -> &str {
        &self.endpoints.google_sts
    }

    /// Returns the endpoint of the IAM Credentials API, without a path.
    #[must_use]
    pub fn iam_credentials(&self) -> &str {
        &self.endpoints.iam_credentials
    }

    /// Returns the endpoint of Cloud Storage, without a path.
    #[must_use]
    pub fn storage(&self) -> &str {
        &self.endpoints.storage
    }

    /// Returns the endpoint of BigQuery, without a path.
    #[must_use]
    pub fn bigquery(&self) -> &str {
        &self.endpoints.bigquery
    }

    /// Returns the endpoint of the EKS Pod Identity agent, without a path: always plain HTTP.
    #[must_use]
    pub fn pod_identity(&self) -> &str {
        &self.endpoints.pod_identity
    }

    /// Returns the endpoint of Google IAM, Resource Manager and Service Usage, without a path.
    #[must_use]
    pub fn google_admin(&self) -> &str {
        &self.endpoints.google_admin
    }

    /// Returns the calls of Google's admin APIs so far.
    #[must_use]
    pub fn admin_calls(&self) -> Vec<AdminCall> {
        self.state.google.admin_calls()
    }

    /// Adds an AWS account, or replaces it. An issuer of outbound federation must be one of the configuration's.
    ///
    /// # Errors
    /// Returns an error if the account is invalid.
    pub fn set_aws_account(&self, account: &config::Account) -> Result<(), ConfigError> {
        self.state.aws.set_account(account)
    }

    /// Replaces EKS Pod Identity.
    ///
    /// # Errors
    /// Returns an error if the configuration is invalid.
    pub fn set_pod_identity(&self, pod_identity: Option<&config::PodIdentity>) -> Result<(), ConfigError> {
        self.state.aws.set_pod_identity(pod_identity)
    }

    /// Returns the certificate authority that clients must trust, in PEM; empty without TLS.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.ca_pem.as_deref().unwrap_or_default()
    }

    /// Returns the issuer with this URL: a cluster, an AWS account, or Google, `https://accounts.google.com`. It mints
    /// tokens if the fakes have its private key.
    #[must_use]
    pub fn issuer(&self, url: &str) -> Option<&Issuer> {
        self.issuers.find(url)
    }

    /// Returns AWS's clock: shift it to advance the time or to simulate clock skew.
    #[must_use]
    pub fn aws_clock(&self) -> &Clock {
        &self.state.aws_clock
    }

    /// Returns Google's clock.
    #[must_use]
    pub fn google_clock(&self) -> &Clock {
        &self.state.google_clock
    }

    /// Returns the number of calls of an operation so far.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> u64 {
        self.state.faults.calls(operation)
    }

    /// Injects a fault at some calls of an operation. If several faults match a call, the last one injected wins.
    pub fn inject_fault(&self, operation: Operation, calls: Calls, fault: Fault) {
        self.state.faults.inject(operation, calls, fault);
    }

    /// Injects a fault at the next call of an operation.
    pub fn inject_next_fault(&self, operation: Operation, fault: Fault) {
        self.inject_fault(operation, Calls::Nth(self.calls(operation) + 1), fault);
    }

    /// Removes all injected faults.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// Returns the events so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.state.events.all()
    }

    /// Subscribes to the events from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.state.events.subscribe()
    }

    /// Stops listening, and returns when all open requests have finished.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.serving.join_next().await.is_some() {}
    }
}

impl Drop for Clouds {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        // The tasks end on their own when the open requests have finished.
        self.serving.detach_all();
    }
}

/// Returns what answers at each port: the services, then the APIs of emulators, then the services on Cloud Run and the applications.
fn backends(config: &Config) -> Vec<Backend> {
    let emulated =
        config.google.emulated.iter().map(|api| Backend::Emulated(Arc::new(Emulated::new(api.clone()))));
    SERVICES.into_iter().map(Backend::Service).chain(emulated).chain(hosts(config)).collect()
}

/// Returns the services on Cloud Run, then the applications behind Identity-Aware Proxy: each has a host of its own.
fn hosts(config: &Config) -> impl Iterator<Item = Backend> {
    let run = config.google.run_services.iter().map(|service| (Service::CloudRun, &service.host));
    let iap = config.google.iap_applications.iter().map(|application| (Service::Iap, &application.host));
    run.chain(iap).map(|(service, host)| Backend::Host(service, host.clone()))
}

/// Returns false for the agent: pods call it over plain HTTP, because it is on their node.
const fn has_tls(backend: &Backend) -> bool {
    !matches!(backend, Backend::Service(Service::PodIdentity))
}

/// Returns the host at Google where a backend listens.
fn google_host<'a>(config: &'a Config, backend: &'a Backend) -> Option<&'a str> {
    match backend {
        Backend::Emulated(emulated) => Some(emulated.host()),
        Backend::Host(_, host) => Some(host),
        Backend::Service(service) => {
            let host = service.google_host()?;
            let is_emulated = config.google.emulated.iter().any(|api| api.host == host);
            (!is_emulated).then_some(host)
        }
    }
}

/// Binds the listener of a backend. Returns it with its authority, as in a URL.
async fn listen(
    config: &Config,
    backend: &Backend,
    offset: u16,
) -> Result<(TcpListener, String), StartError> {
    if let Some(host) = google_host(config, backend).filter(|_| config.google_hosts) {
        return Ok((bind(google_address(config, host)).await?, host.to_owned()));
    }
    let mut address = config.listen;
    if address.port() != 0 {
        address.set_port(address.port().saturating_add(offset));
    }
    let listener = bind(address.to_string()).await?;
    let local = listener.local_addr();
    let mut local = local.map_err(|source| StartError::Listen { address: address.to_string(), source })?;
    if local.ip().is_unspecified() {
        local.set_ip(match local.ip() {
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok((listener, local.to_string()))
}

/// Returns the address of a host at Google, as the configuration says or as this machine resolves the name.
fn google_address(config: &Config, host: &str) -> String {
    let port = if config.tls { 443 } else { 80 };
    match config.google_addresses.get(host) {
        Some(&ip) => SocketAddr::new(ip, port).to_string(),
        None => format!("{host}:{port}"),
    }
}

async fn bind(address: String) -> Result<TcpListener, StartError> {
    TcpListener::bind(&address).await.map_err(|source| StartError::Listen { address, source })
}

/// Returns the names for the certificate.
fn certificate_names(config: &Config) -> Vec<String> {
    let emulated = config.google.emulated.iter().map(|api| api.host.as_str());
    let run_services = config.google.run_services.iter().map(|service| service.host.as_str());
    let applications = config.google.iap_applications.iter().map(|application| application.host.as_str());
    let services = SERVICES.iter().filter_map(|service| service.google_host());
    let hosts = services.chain(emulated).chain(run_services).chain(applications);
    let hosts = hosts.filter(|_| config.google_hosts).map(str::to_owned);
    config.names.iter().cloned().chain(hosts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_at_google_has_its_configured_address() {
        let host = "sts.googleapis.com";
        let mut config = Config { google_hosts: true, ..Config::default() };
        assert_eq!(google_address(&config, host), "sts.googleapis.com:443");
        config.google_addresses.insert(host.to_owned(), [127, 5, 6, 2].into());
        assert_eq!(google_address(&config, host), "127.5.6.2:443");
        config.tls = false;
        assert_eq!(google_address(&config, host), "127.5.6.2:80");
    }
}
