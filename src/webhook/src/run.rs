//! Lifecycle of the program: start, serve, drain. The order of the start turns each failure into a clear message.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::Client;
use rolebridge_telemetry::log;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::admission::body::BodyReader;
use crate::answers::Answers;
use crate::args::Args;
use crate::cert_trust::CertTrust;
use crate::deadlines::Deadlines;
use crate::events::Events;
use crate::file_watcher::FileWatcher;
use crate::health::{self, Health};
use crate::heartbeat::{self, Heartbeat};
use crate::http::cert_resolver::{self, CertResolver, ServingCert};
use crate::http::connection::Connections;
use crate::http::drain::Drain;
use crate::http::router::router;
use crate::http::{listen, server, tls};
use crate::live_defaults::{self, LiveDefaults};
use crate::managed_cert::metrics::ManagedCertMetrics;
use crate::managed_cert::settings::Settings;
use crate::managed_cert::{self, Shared};
use crate::metadata::lookup::MetadataLookup;
use crate::metadata::reader::MetadataReader;
use crate::metadata::reflector::run_reflector;
use crate::metadata::turns::ReadLimits;
use crate::metrics::{Metrics, ReloadedFile};
use crate::object_kind::ObjectKind;
use crate::state::AppState;
use crate::webhook_config_watch::ConfigChanges;
use crate::{api_client, background, webhook_config_reader};

/// Maximum connections of the health port, for the kubelet and one or two Prometheus servers. Each serves one request.
const MAX_HEALTH_CONNECTIONS: u32 = 64;
/// Deadline for releasing the Lease.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs until SIGTERM or SIGINT.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    // Fails if a subscriber is already installed, for example by a test that runs the whole program.
    let _ = log::init(env!("CARGO_CRATE_NAME"), args.log_level.into(), std::io::stdout);
    background::log_panics();
    match runtime(args.threads).and_then(|runtime| run_on(runtime, serve(args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("failed to start: {error}");
            ExitCode::FAILURE
        }
    }
}

fn runtime(threads: usize) -> Result<Runtime, String> {
    // A single-threaded runtime has no locks and wake-ups between threads, so it is faster than a pool of one.
    let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build().map_err(|error| format!("could not start threads: {error}"))
}

/// Runs a future on the runtime, and does not wait for what else runs there. A blocking call cannot be canceled: a DNS lookup
/// that hangs would delay the exit.
fn run_on<T>(runtime: Runtime, main: impl Future<Output = T>) -> T {
    let result = runtime.block_on(main);
    runtime.shutdown_background();
    result
}

async fn serve(args: &Args) -> Result<(), String> {
    let metrics = Arc::new(Metrics::default());
    let drain = Arc::new(Drain::default());
    let settings = args.managed_cert.settings(args.reload_interval)?;
    let resolver = Arc::new(CertResolver::default());
    watch_certificate(args, &resolver, &metrics)?;
    let defaults = watch_defaults(args, &metrics)?;
    let listener = listen("--listen", args.listen).await?;
    let health_listener = listen("--health-listen", args.health_listen).await?;
    let addresses = (local_address(&listener)?, local_address(&health_listener)?);
    let client = api_client::infer().await?;
    let deadlines = Deadlines::within(args.review_timeout);
    let limits = ReadLimits { rate: args.live_read_rate, burst: args.live_read_burst };
    let reader = MetadataReader::new(client.clone(), Arc::clone(&metrics), deadlines.live_read, limits);
    let lookup = MetadataLookup::new(reader);
    start_reflectors(&client, &lookup, &metrics);
    let events = args.events.then(|| Events::start(client.clone(), Arc::clone(&metrics)));
    let trust = Arc::new(CertTrust::new(args.configuration.clone()));
    let managed_cert = settings.is_some().then(Arc::<ManagedCertMetrics>::default);
    let certificate_task = maintain_certificate(
        client.clone(),
        args,
        settings,
        Shared {
            resolver: Arc::clone(&resolver),
            trust: Arc::clone(&trust),
            config_changes: ConfigChanges::watch(&client, trust.names(), &metrics),
            metrics: managed_cert.clone().unwrap_or_default(),
            drain: Arc::clone(&drain),
        },
    );
    let body_reader = BodyReader::for_reviews(deadlines.body);
    let state = Arc::new(AppState {
        body_reader,
        lookup,
        answers: Answers::default(),
        defaults,
        metrics: Arc::clone(&metrics),
        events,
    });

    let tls = tls::config(Arc::clone(&resolver)).map_err(|error| format!("could not set up TLS: {error}"))?;
    let heartbeat = Arc::new(Heartbeat::new(Instant::now()));
    background::spawn("heartbeat", heartbeat::beat(Arc::clone(&heartbeat), heartbeat::INTERVAL));
    let health = Health {
        state: Arc::clone(&state),
        resolver,
        trust,
        managed_cert,
        drain: Arc::clone(&drain),
        heartbeat,
    };
    let health = Connections::for_health(health::router(health), Arc::clone(&metrics));
    serve_health(health_listener, health).map_err(|error| format!("could not serve health: {error}"))?;
    let reviews = Connections::new(Some(tls.into()), router(state), metrics, Arc::clone(&drain));
    let server_task = background::spawn("server", server::serve(listener, args.max_connections, reviews));
    info!(listen = %addresses.0, health = %addresses.1, "serving");
    run_until_signal(args, &drain, server_task, certificate_task).await
}

/// Serves the health port on a thread of its own, until the process exits.
fn serve_health(listener: TcpListener, connections: Connections) -> std::io::Result<()> {
    let listener = listener.into_std()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _context = runtime.enter();
        TcpListener::from_std(listener)?
    };
    let serve = move || runtime.block_on(server::serve(listener, MAX_HEALTH_CONNECTIONS, connections));
    thread::Builder::new().name("health".to_owned()).spawn(serve).map(drop)
}

async fn run_until_signal(
    args: &Args,
    drain: &Drain,
    server_task: JoinHandle<()>,
    certificate_task: JoinHandle<()>,
) -> Result<(), String> {
    let listener = |kind| signal(kind).map_err(|error| format!("could not listen for signals: {error}"));
    let (mut terminate, mut interrupt) =
        (listener(SignalKind::terminate())?, listener(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!(delay = ?args.drain_delay, "shutting down");
    drain.run(args.drain_delay).await;
    if timeout(args.drain_timeout, server_task).await.is_err() {
        warn!(after = ?args.drain_timeout, "drain timed out with open connections");
    }
    // Usually finished by now. If the API server does not respond, the Lease expires instead.
    let _ = timeout(RELEASE_TIMEOUT, certificate_task).await;
    info!("stopped");
    Ok(())
}

/// Loads and reloads the certificate from files, if it is in files.
fn watch_certificate(
    args: &Args,
    resolver: &Arc<CertResolver>,
    metrics: &Arc<Metrics>,
) -> Result<(), String> {
    let (Some(certificate), Some(key)) = (&args.certificate, &args.key) else { return Ok(()) };
    let (watcher, contents) = FileWatcher::read(cert_resolver::files(certificate.clone(), key.clone()))?;
    let cert = ServingCert::parse(&contents).map_err(|error| format!("{}: {error}", watcher.names()))?;
    info!(not_after = %cert.not_after(), "certificate loaded");
    resolver.replace(cert);
    let (resolver, metrics, files) = (Arc::clone(resolver), Arc::clone(metrics), watcher.names());
    let watch = watcher.watch_files(args.reload_interval, move |contents| {
        let cert = contents.map_err(str::to_owned).and_then(ServingCert::parse);
        metrics.record_reload(ReloadedFile::Certificate, cert.is_ok());
        match cert {
            Ok(cert) => {
                info!(not_after = %cert.not_after(), "certificate reloaded");
                resolver.replace(cert);
            }
            Err(error) => {
                error!(files, error, "failed to reload the certificate; the old one stays in use");
            }
        }
    });
    background::spawn("certificate watcher", watch);
    Ok(())
}

/// Manages the certificate, or only checks whether API servers trust it.
fn maintain_certificate(
    client: Client,
    args: &Args,
    settings: Option<Settings>,
    shared: Shared,
) -> JoinHandle<()> {
    if let Some(settings) = settings {
        return managed_cert::start(client, settings, shared);
    }
    let (interval, draining) = (args.reload_interval, shared.drain.draining());
    background::spawn("configuration reader", async move {
        let Shared { trust, resolver, config_changes, .. } = shared;
        let poll = webhook_config_reader::poll(client, &trust, &resolver, &config_changes, interval);
        tokio::select! {
            () = poll => {}
            () = draining => {}
        }
    })
}

fn watch_defaults(args: &Args, metrics: &Arc<Metrics>) -> Result<Arc<LiveDefaults>, String> {
    let (watcher, contents) = FileWatcher::read(vec![live_defaults::file(args.defaults.clone())])?;
    let parsed = live_defaults::parse(&contents).map_err(|error| format!("{}: {error}", watcher.names()))?;
    let defaults = Arc::new(LiveDefaults::new(parsed));
    let (live, metrics, files) = (Arc::clone(&defaults), Arc::clone(metrics), watcher.names());
    let watch = watcher.watch_files(args.reload_interval, move |contents| {
        let parsed = contents.map_err(str::to_owned).and_then(live_defaults::parse);
        metrics.record_reload(ReloadedFile::Defaults, parsed.is_ok());
        match parsed {
            Ok(parsed) => {
                info!("defaults reloaded");
                live.replace(parsed);
            }
            Err(error) => error!(files, error, "failed to reload the defaults; the old ones stay in use"),
        }
    });
    background::spawn("defaults watcher", watch);
    Ok(defaults)
}

async fn listen(flag: &str, address: SocketAddr) -> Result<TcpListener, String> {
    listen::listen(address).await.map_err(|error| format!("could not listen on {flag} {address}: {error}"))
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, String> {
    listener.local_addr().map_err(|error| format!("could not read the address of a listener: {error}"))
}

fn start_reflectors(client: &Client, lookup: &MetadataLookup, metrics: &Arc<Metrics>) {
    let accounts =
        (client.clone(), Arc::clone(lookup.cache(ObjectKind::ServiceAccount)), Arc::clone(metrics));
    let namespaces = (client.clone(), Arc::clone(lookup.cache(ObjectKind::Namespace)), Arc::clone(metrics));
    background::spawn("service account reflector", async move {
        let (client, cache, metrics) = accounts;
        run_reflector::<ServiceAccount>(client, ObjectKind::ServiceAccount, &cache, &metrics).await;
    });
    background::spawn("namespace reflector", async move {
        let (client, cache, metrics) = namespaces;
        run_reflector::<Namespace>(client, ObjectKind::Namespace, &cache, &metrics).await;
    });
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use rstest::rstest;
    use tokio::task::spawn_blocking;

    use super::*;

    #[rstest]
    #[case::single_thread(1)]
    #[case::multi_thread(2)]
    fn run_on_does_not_wait_for_blocking_calls(#[case] threads: usize) {
        let (started, is_started) = channel();
        let (finish, may_finish) = channel::<()>();
        let (report, reported) = channel();
        // Like a DNS lookup without an answer. The time limit only ends a failing test.
        let lookup = move || {
            started.send(()).unwrap();
            report.send(may_finish.recv_timeout(Duration::from_secs(10)).is_ok()).unwrap();
        };
        run_on(runtime(threads).unwrap(), async move {
            spawn_blocking(lookup);
            is_started.recv().unwrap();
        });
        finish.send(()).unwrap_or_default();
        assert!(reported.recv().unwrap(), "the exit waited for the lookup");
    }
}
