//! The story, from the annotation to the rows, through a refresh, to a refusal.

mod admission;
mod app;
mod refresh;
mod refusal;
mod sidecar;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use rolebridge_core::annotations::METRICS_PORT;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_tests::error::{Context, Failure, Result};
use rolebridge_tests::fake_kubelet::Pod;
use rolebridge_tests::ports::free_address;
use rolebridge_tests::process::Process;
use rolebridge_tests::programs::Programs;
use rolebridge_tests::world::{Variant, World, clouds_config};
use tokio::signal::unix::{SignalKind, signal};

use crate::keep;
use crate::show::Show;

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(15);
/// AWS gives sessions of 15 minutes to 12 hours; ours last seconds, so that nobody waits for a renewal.
const SESSION_SECONDS: i64 = 6;
/// Google's library renews a token 4 minutes before its end: one of 4 minutes and 2 seconds, every 2 seconds.
const GOOGLE_TOKEN_SECONDS: i64 = 242;
/// A night is this long.
const EVERY: Duration = Duration::from_millis(500);

/// What runs by the end of the story.
pub(crate) struct Cast {
    pub(crate) world: World,
    pub(crate) pod: Pod,
    pub(crate) sidecar: Process,
    pub(crate) app: Process,
}

/// Tells the whole; every process ends with it.
pub(crate) fn tell(source: ConfigKind, keep: bool) -> ExitCode {
    // Only a second choice of a provider could fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let built = Programs::build();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = built.and_then(|programs| {
        let runtime = runtime.context("start the runtime")?;
        runtime.block_on(perform_or_stop(&programs, source, keep))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            Show::failed(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Told to end, the story is dropped, and its processes with it.
async fn perform_or_stop(programs: &Programs, source: ConfigKind, keep: bool) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut show = Show::new();
    let cast = tokio::select! {
        cast = perform(&mut show, programs, source, keep) => cast?,
        _ = interrupt.recv() => return Err(Failure::new("interrupted before the end")),
        _ = terminate.recv() => return Err(Failure::new("told to end before the end")),
    };
    if keep {
        keep::look_around(&show, &cast, source);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
    Ok(())
}

async fn perform(show: &mut Show, programs: &Programs, source: ConfigKind, keep: bool) -> Result<Cast> {
    let world = set_up(show, programs).await?;
    let mut variant = Variant { every: Some(EVERY), ..Variant::default() };
    if source != ConfigKind::Loopback {
        variant.source = Some(source);
    }
    if keep {
        let port = free_address()?.port();
        variant.annotations.push((METRICS_PORT, port.to_string()));
    }
    let pod = admission::admit(show, &world, &variant).await?;
    let sidecar = sidecar::start(show, &world, &pod).await?;
    let app = app::start(show, &world, &pod, source).await?;
    let mut cast = Cast { world, pod, sidecar, app };
    refresh::wait(show, &mut cast).await?;
    refusal::run(show, &cast.world, source).await?;
    show.good(&format!("Done in {:.1} s.", show.elapsed().as_secs_f64()));
    Ok(cast)
}

async fn set_up(show: &mut Show, programs: &Programs) -> Result<World> {
    show.step("The stage: real programs between stand-ins");
    let begin = Instant::now();
    let mut config = clouds_config()?;
    for account in &mut config.aws.accounts {
        for role in &mut account.roles {
            role.session_seconds = Some(SESSION_SECONDS);
        }
    }
    for account in &mut config.google.service_accounts {
        account.token_seconds = Some(GOOGLE_TOKEN_SECONDS);
    }
    let this = std::env::current_exe().context("find the demo's program")?;
    let world = World::start(programs, vec![this.into(), "app".into()], config).await?;
    show.fact("webhook", &format!("rolebridge-webhook, ready after {} ms", begin.elapsed().as_millis()));
    show.fact("sidecar", "rolebridge-sidecar");
    show.fact("app", "a batch with Google's own library google-cloud-auth, unchanged");
    show.fact("stand-ins", "AWS, Google, the Kubernetes API and the kubelet, on 127.0.0.1");
    Ok(world)
}
