//! `run`: the refresher and the servers beside it, until the kubelet says stop.

use std::convert::Infallible;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::board::{Board, Reader};
use crate::clock::Clock;
use crate::google::Google;
use crate::loopback::Loopback;
use crate::metadata::Metadata;
use crate::metrics::{self, Metrics};
use crate::proof::{Prove, Prover, Target};
use crate::publish::Publisher;
use crate::refresh::Refresher;
use crate::serve::{listen, serve};
use crate::settings::{Identity, Serve, Settings};
use crate::subject_token::SubjectToken;
use crate::tokens::Tokens;
use crate::{local, outputs};

/// Where the kubelet looks for the reason of an exit, unless the pod says otherwise.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Runs until a signal ends it.
///
/// # Errors
/// What keeps it from starting, or the startup timeout, in a sentence.
pub fn run(settings: Settings) -> Result<(), String> {
    let runtime = runtime().map_err(|error| format!("the runtime cannot start: {error}"))?;
    runtime.block_on(until_told(settings))
}

/// One subject token, from a proof of its own.
///
/// # Errors
/// The fault, in its sentence.
pub fn token(identity: Identity) -> Result<SubjectToken, String> {
    let (clock, target) = (Clock::system(), Target::of(&identity));
    let prover = Prover::new(identity, clock.clone());
    let runtime = runtime().map_err(|error| format!("the runtime cannot start: {error}"))?;
    let proof = runtime.block_on(prover.prove()).map_err(|fault| fault.to_string())?;
    proof.subject_token(&target, clock.now()).map_err(|error| error.to_string())
}

/// One thread. Only host names are looked up elsewhere, on a thread that does not outlive its work by long.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(1)
        .thread_stack_size(256 * 1024)
        .thread_keep_alive(Duration::from_millis(100))
        .build()
}

async fn until_told(settings: Settings) -> Result<(), String> {
    let on = |kind| signal(kind).map_err(|error| format!("signals cannot be handled: {error}"));
    let (mut terminate, mut interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    tokio::select! {
        ended = serve_and_refresh(settings) => return ended.map(|never| match never {}),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("told to stop");
    Ok(())
}

/// Ends by an error only. The listeners close with the process, so the app can use them to its own end.
async fn serve_and_refresh(settings: Settings) -> Result<Infallible, String> {
    let (clock, metrics) = (Clock::system(), Arc::new(Metrics::default()));
    let (writer, board) = Board::channel();
    let tokens = tokens(&settings, &board, &clock, &metrics);
    if let Some(local) = settings.local {
        let listener = bind(local.port, &[(Ipv4Addr::LOCALHOST, local.port).into()], "rolebridge.io/port")?;
        let routes = routes(&settings, local.serve, &board, &clock, &tokens)?;
        tokio::spawn(serve(listener, local::router(routes, local.port, Arc::clone(&metrics))));
    }
    let Settings { identity, outputs, token_file, startup_timeout, .. } = settings;
    if let Some(port) = settings.metrics_port {
        let all = [(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()];
        let listener = bind(port, &all, "rolebridge.io/metrics-port")?;
        let router = metrics::router(Arc::clone(&metrics), board.clone(), clock.clone());
        tokio::spawn(serve(listener, router));
    }
    let publisher = Publisher::new(token_file);
    let outputs = outputs::keep(outputs, &tokens, &publisher);
    let target = Target::of(&identity);
    let prover = Prover::new(identity, clock.clone());
    let refresher = Refresher::new(prover, target, clock, publisher, writer, metrics);
    let startup_timeout = startup_timeout.filter(|_| !refresher.has_earlier_token());
    tokio::select! {
        never = refresher.run() => Ok(never),
        why = too_late(startup_timeout, board, outputs) => Err(why),
    }
}

/// Google's tokens. None is asked for before somebody, or a file of [`outputs`], wants one.
fn tokens(settings: &Settings, board: &Reader, clock: &Clock, metrics: &Arc<Metrics>) -> Tokens<Google> {
    let impersonates = settings.google.impersonation.is_some();
    Tokens::new(Google::of(settings), impersonates, board.clone(), clock.clone(), Arc::clone(metrics))
}

/// What the local server answers as.
fn routes(
    settings: &Settings,
    serve: Serve,
    board: &Reader,
    clock: &Clock,
    tokens: &Tokens<Google>,
) -> Result<Router, String> {
    let mut routes = Router::new();
    if let Some((region, role)) = settings.identity.loopback().filter(|_| serve.loopback) {
        let server = Loopback::new(region, role, board.clone(), clock.clone());
        let server = server.map_err(|_| "this machine has no random numbers".to_owned())?;
        routes = routes.merge(server.routes());
    }
    if serve.metadata {
        routes = routes.merge(Metadata::new(&settings.instance(), tokens.clone(), board.clone()).routes());
    }
    Ok(routes)
}

fn bind(port: u16, addresses: &[std::net::SocketAddr], annotation: &str) -> Result<TcpListener, String> {
    listen(addresses).map_err(|error| {
        format!(
            "port {port} cannot be listened on ({error}); if another container of the pod uses it, choose a free \
             one with the annotation {annotation}"
        )
    })
}

/// Ends when the first token, or a further file, has not come in time.
async fn too_late(after: Option<Duration>, mut board: Reader, mut outputs: outputs::Reader) -> String {
    let Some(after) = after else { return std::future::pending().await };
    let all = async {
        let token = board.wait_for(|board| board.token.is_some()).await.is_ok();
        token && outputs.wait_for(|all| outputs::missing(all).is_none()).await.is_ok()
    };
    if timeout(after, all).await.is_ok() {
        return std::future::pending().await;
    }
    let token = board.borrow().token.is_some();
    let reason = outputs::missing(&outputs.borrow()).filter(|_| token);
    let reason = reason.unwrap_or_else(|| board.borrow().reason());
    format!("no token within the {} s of the startup timeout. {reason}", after.as_secs())
}

/// Writes why the program ends to the termination log, where the kubelet has put one: it is not ours to create.
pub(crate) fn say_why(why: &str) {
    let log = OpenOptions::new().write(true).truncate(true).open(TERMINATION_LOG);
    if let Err(error) = log.and_then(|mut log| log.write_all(why.as_bytes())) {
        tracing::debug!(%error, "no termination log");
    }
}
