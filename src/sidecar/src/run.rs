//! The command `run`: the refresher and the servers, until the kubelet stops the container.

use std::convert::Infallible;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rolebridge_core::metadata_host;
use rolebridge_core::service_accounts::AccountNumber;
use rustix::fs::OFlags;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::clock::Clock;
use crate::credential::{CredentialProvider, FetchCredential, Target};
use crate::error::Failure;
use crate::google::GoogleClient;
use crate::http::server::{listen, serve};
use crate::metrics::{self, Metrics};
use crate::publish::Publisher;
use crate::refresh::Refresher;
use crate::server::gce_metadata::{GceMetadataServer, Instance};
use crate::server::imds::ImdsServer;
use crate::settings::{IdentitySettings, ServerSettings, Settings};
use crate::shared_state::{Reader, SharedState};
use crate::subject_token::SubjectToken;
use crate::token_cache::TokenCache;
use crate::{config_files, regular_file, server, token_files};

/// The file from which the kubelet reads the reason of an exit, unless the pod sets another one.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Runs until a signal arrives.
///
/// # Errors
/// Returns an error if the sidecar cannot start, or if the startup timeout expires.
pub fn run(settings: Settings) -> Result<(), Failure> {
    block_on(run_until_signal(settings))?
}

/// Returns a subject token from a new credential.
///
/// # Errors
/// Returns an error if no credential or no token can be obtained.
pub fn token(identity: IdentitySettings) -> Result<SubjectToken, Failure> {
    let (clock, target) = (Clock::system(), Target::new(&identity));
    let provider = CredentialProvider::new(identity, clock.clone());
    let credential = block_on(provider.provide())?.map_err(|error| Failure::from(&error))?;
    credential.subject_token(&target, clock.now()).map_err(|error| Failure::new(error.to_string()))
}

/// Maximum number of DNS lookups at a time. A lookup cannot be stopped, so one that hangs keeps its thread after the call has
/// timed out. Others must not wait for it.
const MAX_LOOKUPS: usize = 8;

/// Runs a future on a runtime with one thread. DNS lookups alone use other threads, which end soon after a lookup.
///
/// A lookup that is still running does not delay the return: it cannot be stopped, and may take long.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(MAX_LOOKUPS)
        .thread_stack_size(256 * 1024)
        .thread_keep_alive(Duration::from_millis(100))
        .build()
        .map_err(|error| Failure::new(format!("failed to start the runtime: {error}")))?;
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(output)
}

async fn run_until_signal(settings: Settings) -> Result<(), Failure> {
    let listen_for = |kind| {
        signal(kind).map_err(|error: io::Error| Failure::new(format!("failed to handle signals: {error}")))
    };
    let (mut terminate, mut interrupt) =
        (listen_for(SignalKind::terminate())?, listen_for(SignalKind::interrupt())?);
    let name = tokio::select! {
        result = serve_and_refresh(settings) => return result.map(|never| match never {}),
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!("received {name}; shutting down");
    Ok(())
}

/// Serves and refreshes until an error occurs. The listeners stay open until the process exits, so that the app can use
/// them while it shuts down.
async fn serve_and_refresh(settings: Settings) -> Result<Infallible, Failure> {
    let (clock, metrics) = (Clock::system(), Arc::new(Metrics::default()));
    let (writer, state) = SharedState::channel();
    let publisher = Publisher::new(settings.token_file.clone());
    let configs = config_files::spawn(&settings, &publisher);
    let accounts = settings.google.numbered_accounts().map(|(account, _)| account);
    let tokens: Vec<_> =
        accounts.map(|account| token_cache(&settings, account, &state, &clock, &metrics)).collect();
    if let Some(server) = settings.server {
        for (account, tokens) in AccountNumber::ALL.into_iter().zip(&tokens) {
            let Some((port, routes)) = routes(&settings, server, account, &state, &clock, tokens)? else {
                break;
            };
            let listener = bind(port, &[(Ipv4Addr::LOCALHOST, port).into()], "rolebridge.io/port")?;
            if server.protocols.metadata_host && account == AccountNumber::DEFAULT {
                let metadata = server::metadata_host_router(routes.clone(), Arc::clone(&metrics));
                tokio::spawn(serve(bind_metadata_port()?, metadata));
            }
            tokio::spawn(serve(listener, server::router(routes, port, Arc::clone(&metrics))));
        }
    }
    let Settings { identity, token_files, startup_timeout, .. } = settings;
    if let Some(port) = settings.metrics_port {
        let all = [(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()];
        let listener = bind(port, &all, "rolebridge.io/metrics-port")?;
        let router = metrics::router(Arc::clone(&metrics), state.clone(), clock.clone());
        tokio::spawn(serve(listener, router));
    }
    let token_files = token_files::spawn(token_files, &tokens, &publisher);
    let target = Target::new(&identity);
    let provider = CredentialProvider::new(identity, clock.clone());
    let refresher = Refresher::new(provider, target, clock, publisher, writer, metrics);
    let startup_timeout = startup_timeout.filter(|_| !refresher.has_earlier_token());
    tokio::select! {
        never = refresher.run() => Ok(never),
        failure = startup_deadline_exceeded(startup_timeout, state, configs, token_files) => Err(failure),
    }
}

/// Creates the cache of an account's Google tokens. It requests none until an app or a token file needs one.
fn token_cache(
    settings: &Settings,
    account: AccountNumber,
    state: &Reader,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> TokenCache<GoogleClient> {
    let client = GoogleClient::new(settings, account);
    let impersonates = settings.google.account(account).is_some();
    TokenCache::new(client, impersonates, state.clone(), clock.clone(), Arc::clone(metrics))
}

/// Returns the port and the routes of an account's server on 127.0.0.1. Only `metadata` has one for each account: the
/// subject token is the same for all.
fn routes(
    settings: &Settings,
    ServerSettings { port, protocols }: ServerSettings,
    account: AccountNumber,
    state: &Reader,
    clock: &Clock,
    tokens: &TokenCache<GoogleClient>,
) -> Result<Option<(u16, Router)>, Failure> {
    let is_default = account == AccountNumber::DEFAULT;
    let Some(port) = account.port(port).filter(|_| is_default || protocols.gce_metadata) else {
        return Ok(None);
    };
    let mut routes = Router::new();
    if let Some((region, role)) = settings.identity.imds_session().filter(|_| protocols.imds && is_default) {
        let server = ImdsServer::new(region, role, state.clone(), clock.clone());
        let server = server.map_err(|_| Failure::new("failed to get random bytes from the system"))?;
        routes = routes.merge(server.routes());
    }
    if protocols.gce_metadata {
        let server = GceMetadataServer::new(&instance(settings, account), tokens.clone(), state.clone());
        routes = routes.merge(server.routes());
    }
    Ok(Some((port, routes)))
}

/// Returns the values of an account's GCE metadata server.
fn instance(settings: &Settings, account: AccountNumber) -> Instance {
    let Settings { identity, google, pod, .. } = settings;
    Instance {
        service_account: google.account(account).map(|account| account.email.clone()),
        project_number: identity.provider.name.project_number().to_owned(),
        project: google.project.clone(),
        universe: identity.provider.universe.clone(),
        region: identity.region().map(ToOwned::to_owned),
        name: pod.clone(),
    }
}

fn bind(port: u16, addresses: &[SocketAddr], annotation: &str) -> Result<TcpListener, Failure> {
    listen(addresses).map_err(|error| Failure {
        message: format!("failed to listen on port {port} ({error})"),
        remediation: Some(format!(
            "if another container of the pod uses the port, choose a free one with the annotation {annotation}"
        )),
    })
}

/// Listens on the port of Google's metadata server.
fn bind_metadata_port() -> Result<TcpListener, Failure> {
    listen(&[(Ipv4Addr::LOCALHOST, metadata_host::PORT).into()]).map_err(|error| Failure {
        message: format!("failed to listen on port {} ({error})", metadata_host::PORT),
        remediation: Some(format!(
            "keep the pod's sysctl {} at {} or lower, and the port free, or set rolebridge.io/source to \"metadata\"",
            metadata_host::PORT_SYSCTL,
            metadata_host::PORT_SYSCTL_VALUE
        )),
    })
}

/// Completes if the first token, the configuration or a token file is still missing after `startup_timeout`.
async fn startup_deadline_exceeded(
    startup_timeout: Option<Duration>,
    mut state: Reader,
    mut configs: config_files::Reader,
    mut token_files: token_files::Reader,
) -> Failure {
    let Some(limit) = startup_timeout else { return std::future::pending().await };
    let all_published = async {
        let has_token = state.wait_for(|state| state.token.is_some()).await.is_ok();
        has_token
            && configs.wait_for(|status| status.missing().is_none()).await.is_ok()
            && token_files.wait_for(|statuses| token_files::missing(statuses).is_none()).await.is_ok()
    };
    if timeout(limit, all_published).await.is_ok() {
        return std::future::pending().await;
    }
    let has_token = state.borrow().token.is_some();
    let missing = configs.borrow().missing().or_else(|| token_files::missing(&token_files.borrow()));
    let reason = missing.filter(|_| has_token);
    let reason = reason.unwrap_or_else(|| state.borrow().unavailable_reason());
    let message = format!("no token within the startup timeout of {} s: {}", limit.as_secs(), reason.message);
    Failure { message, ..reason }
}

/// Writes the reason of the exit to the termination log, if the kubelet has created that file.
pub(crate) fn write_termination_message(failure: &Failure) {
    let mut options = OpenOptions::new();
    let log =
        regular_file::open(options.write(true).truncate(true), TERMINATION_LOG.as_ref(), OFlags::empty());
    if let Err(error) = log.and_then(|mut log| log.write_all(failure.to_string().as_bytes())) {
        tracing::debug!(%error, "no termination log");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use tokio::sync::oneshot;
    use tokio::task::spawn_blocking;

    use super::*;

    #[test]
    fn lookup_that_hangs_does_not_delay_the_return() {
        let (release, released) = mpsc::channel::<()>();
        let (returned, wait) = mpsc::channel();
        thread::spawn(move || {
            let result = block_on(async {
                let (started, hangs) = oneshot::channel();
                spawn_blocking(move || (started.send(()), released.recv()));
                hangs.await
            });
            returned.send(result)
        });
        let result = wait.recv_timeout(Duration::from_mins(1));
        drop(release);
        assert_eq!(result, Ok(Ok(Ok(()))), "returned before the lookup");
    }

    #[test]
    fn lookup_that_hangs_does_not_delay_later_ones() {
        let (release, released) = mpsc::channel::<()>();
        let (returned, wait) = mpsc::channel();
        thread::spawn(move || {
            let result = block_on(async {
                spawn_blocking(move || released.recv());
                spawn_blocking(|| "resolved").await.unwrap()
            });
            returned.send(result)
        });
        let result = wait.recv_timeout(Duration::from_secs(10));
        drop(release);
        assert_eq!(result, Ok(Ok("resolved")));
    }
}
