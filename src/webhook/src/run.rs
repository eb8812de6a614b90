//! The program's life: start in an order that makes each failure a sentence, serve, drain.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::{Client, Config};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::body::Intake;
use crate::certificates::{self, Certificates, Pair};
use crate::connections::Connections;
use crate::defaults::{self, LiveDefaults};
use crate::drain::Drain;
use crate::events::Events;
use crate::health::{self, Health};
use crate::live::Live;
use crate::lookup::{Kind, Lookup};
use crate::managed::counts::Counts;
use crate::managed::{self, Settings, Shared};
use crate::metrics::{Metrics, Reloaded};
use crate::patience::Patience;
use crate::router::{Webhook, router};
use crate::trust::{self, Trust};
use crate::watch_files::Watched;
use crate::{Arguments, log, server, tls, watch};

/// Connections of the health port: the kubelet and a Prometheus or two.
const HEALTH_CONNECTIONS: u32 = 128;
/// After this silence the API server is asked anew. A watch is never silent so long: it ends after 290 s.
const READ_TIMEOUT: Duration = Duration::from_mins(5);

/// How long letting the Lease go may take.
const RELEASE: Duration = Duration::from_secs(2);

/// Runs until SIGTERM or SIGINT.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    log::start(arguments.log_level);
    match runtime(arguments.threads).and_then(|runtime| runtime.block_on(serve(arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            error!(sentence, "cannot start");
            ExitCode::FAILURE
        }
    }
}

fn runtime(threads: usize) -> Result<Runtime, String> {
    // One thread without the other threads' locks and wake-ups is faster than a pool of one.
    let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build().map_err(|error| format!("The threads cannot be started: {error}."))
}

async fn serve(arguments: &Arguments) -> Result<(), String> {
    let metrics = Arc::new(Metrics::default());
    let drain = Arc::new(Drain::default());
    let settings = arguments.managed.settings(arguments.reload_interval)?;
    let certificates = Arc::new(Certificates::default());
    follow_files(arguments, &certificates, &metrics)?;
    let defaults = follow_defaults(arguments, &metrics)?;
    let listener = listen("--listen", arguments.listen).await?;
    let health_listener = listen("--health-listen", arguments.health_listen).await?;
    let client = client().await?;
    let patience = Patience::within(arguments.review_timeout);
    let lookup = Lookup::new(Live::new(client.clone(), Arc::clone(&metrics), patience.live));
    follow_caches(&client, &lookup, &metrics);
    let events = arguments.events.then(|| Events::start(client.clone(), Arc::clone(&metrics)));
    let trust = Arc::new(Trust::by(arguments.configuration.clone()));
    let counts = settings.is_some().then(Arc::<Counts>::default);
    let keeping = keep_trusted(
        client,
        arguments,
        settings,
        Shared {
            certificates: Arc::clone(&certificates),
            trust: Arc::clone(&trust),
            counts: counts.clone().unwrap_or_default(),
            drain: Arc::clone(&drain),
        },
    );
    let intake = Intake::of_reviews(patience.body);
    let webhook = Arc::new(Webhook { intake, lookup, defaults, metrics: Arc::clone(&metrics), events });

    let tls =
        tls::config(Arc::clone(&certificates)).map_err(|error| format!("TLS cannot be set up: {error}."))?;
    let health = Health {
        webhook: Arc::clone(&webhook),
        certificates,
        trust,
        managed: counts,
        drain: Arc::clone(&drain),
    };
    // Health is served to the very end, so it hears nothing of the drain.
    let health = Connections::new(None, health::router(health), Arc::clone(&metrics), Arc::default());
    tokio::spawn(server::serve(health_listener, HEALTH_CONNECTIONS, health));
    let reviews = Connections::new(Some(tls.into()), router(webhook), metrics, Arc::clone(&drain));
    let serving = tokio::spawn(server::serve(listener, arguments.max_connections, reviews));
    info!(listen = %arguments.listen, health = %arguments.health_listen, "serving");
    finish(arguments, &drain, serving, keeping).await
}

async fn finish(
    arguments: &Arguments,
    drain: &Drain,
    serving: JoinHandle<()>,
    keeping: JoinHandle<()>,
) -> Result<(), String> {
    let listener = |kind| signal(kind).map_err(|error| format!("Signals cannot be listened for: {error}."));
    let (mut terminate, mut interrupt) =
        (listener(SignalKind::terminate())?, listener(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!(delay = ?arguments.drain_delay, "leaving");
    drain.run(arguments.drain_delay).await;
    if timeout(arguments.drain_timeout, serving).await.is_err() {
        warn!(after = ?arguments.drain_timeout, "connections were still open");
    }
    // It has long ended, unless the API server does not answer: then the Lease runs out by itself.
    let _ = timeout(RELEASE, keeping).await;
    info!("ended");
    Ok(())
}

/// Serves the certificate in files, if it is in files.
fn follow_files(
    arguments: &Arguments,
    certificates: &Arc<Certificates>,
    metrics: &Arc<Metrics>,
) -> Result<(), String> {
    let (Some(certificate), Some(key)) = (&arguments.certificate, &arguments.key) else { return Ok(()) };
    let (watched, contents) = Watched::read(certificates::files(certificate.clone(), key.clone()))?;
    let pair = Pair::parse(&contents).map_err(|error| format!("{}: {error}.", watched.names()))?;
    info!(not_after = %pair.not_after(), "certificate loaded");
    certificates.serve(pair);
    let (served, metrics, names) = (Arc::clone(certificates), Arc::clone(metrics), watched.names());
    tokio::spawn(watched.follow(arguments.reload_interval, move |found| {
        let pair = found.map_err(str::to_owned).and_then(Pair::parse);
        metrics.reload(Reloaded::Certificate, pair.is_ok());
        match pair {
            Ok(pair) => {
                info!(not_after = %pair.not_after(), "certificate reloaded");
                served.serve(pair);
            }
            Err(error) => error!(files = names, error, "certificate not reloaded; the old one is served"),
        }
    }));
    Ok(())
}

/// Manages the certificate, or at least looks whether API servers take it.
fn keep_trusted(
    client: Client,
    arguments: &Arguments,
    settings: Option<Settings>,
    shared: Shared,
) -> JoinHandle<()> {
    if let Some(settings) = settings {
        return managed::start(client, settings, shared);
    }
    let (interval, leaving) = (arguments.reload_interval, shared.drain.leaving());
    tokio::spawn(async move {
        tokio::select! {
            () = trust::follow(client, &shared.trust, &shared.certificates, interval) => {}
            () = leaving => {}
        }
    })
}

fn follow_defaults(arguments: &Arguments, metrics: &Arc<Metrics>) -> Result<Arc<LiveDefaults>, String> {
    let (watched, contents) = Watched::read(vec![defaults::file(arguments.defaults.clone())])?;
    let parsed = defaults::parse(&contents).map_err(|error| format!("{}: {error}", watched.names()))?;
    let defaults = Arc::new(LiveDefaults::new(parsed));
    let (live, metrics, names) = (Arc::clone(&defaults), Arc::clone(metrics), watched.names());
    tokio::spawn(watched.follow(arguments.reload_interval, move |found| {
        let parsed = found.map_err(str::to_owned).and_then(defaults::parse);
        metrics.reload(Reloaded::Defaults, parsed.is_ok());
        match parsed {
            Ok(parsed) => {
                info!("defaults reloaded");
                live.replace(parsed);
            }
            Err(error) => error!(files = names, error, "defaults not reloaded; the old ones hold"),
        }
    }));
    Ok(defaults)
}

async fn listen(flag: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("{flag} {address} cannot be listened on: {error}."))
}

async fn client() -> Result<Client, String> {
    let mut config = Config::infer().await.map_err(|error| {
        format!("No Kubernetes API is configured: {error}. KUBECONFIG, or a pod's own service account, would be right.")
    })?;
    config.read_timeout = Some(READ_TIMEOUT);
    Client::try_from(config).map_err(|error| format!("The Kubernetes API's client cannot be made: {error}."))
}

fn follow_caches(client: &Client, lookup: &Lookup, metrics: &Arc<Metrics>) {
    let accounts = (client.clone(), Arc::clone(lookup.cache(Kind::ServiceAccount)), Arc::clone(metrics));
    let namespaces = (client.clone(), Arc::clone(lookup.cache(Kind::Namespace)), Arc::clone(metrics));
    tokio::spawn(async move {
        let (client, cache, metrics) = accounts;
        watch::follow::<ServiceAccount>(client, Kind::ServiceAccount, &cache, &metrics).await;
    });
    tokio::spawn(async move {
        let (client, cache, metrics) = namespaces;
        watch::follow::<Namespace>(client, Kind::Namespace, &cache, &metrics).await;
    });
}
