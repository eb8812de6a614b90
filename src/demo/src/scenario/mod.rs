//! The scenario: from the annotation to the rows, through a renewal, to a rejected role.

mod admission;
mod app;
mod denied;
mod refresh;
mod sidecar;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rolebridge_core::annotations::METRICS_PORT;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_tests::error::{Context, Error, Result};
use rolebridge_tests::fake_kubelet::Pod;
use rolebridge_tests::ports::free_address;
use rolebridge_tests::process::Process;
use rolebridge_tests::programs::Programs;
use rolebridge_tests::world::{Variant, World, clouds_config};
use tokio::signal::unix::{SignalKind, signal};

use crate::console::Console;
use crate::inspect;

/// Timeout of every operation that is expected to succeed.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Lifetime of AWS sessions. At AWS it is 15 minutes to 12 hours; here it is short, so that the renewal comes soon.
const SESSION_SECONDS: i64 = 6;
/// Lifetime of Google tokens. Google's library renews a token 4 minutes before it expires, so here every 2 seconds.
const GOOGLE_TOKEN_SECONDS: i64 = 242;
/// Simulated interval between two runs of the batch job.
const INTERVAL: Duration = Duration::from_millis(500);

/// Everything that runs at the end of the scenario.
pub(crate) struct Environment {
    pub(crate) world: World,
    pub(crate) pod: Pod,
    pub(crate) sidecar: Process,
    pub(crate) app: Process,
}

/// Runs the scenario with the programs of a folder, or else with those of this checkout. Every process is stopped at its end.
pub(crate) fn run(folder: Option<&Path>, source: ConfigKind, keep: bool) -> ExitCode {
    // Installing fails only if another provider is installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let built = folder.map_or_else(Programs::build, Programs::in_folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = built.and_then(|programs| {
        let runtime = runtime.context("start the runtime")?;
        runtime.block_on(run_until_signal(&programs, source, keep))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Console::error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Runs the steps. A signal drops the scenario, and with it its processes.
async fn run_until_signal(programs: &Programs, source: ConfigKind, keep: bool) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut console = Console::new();
    let environment = tokio::select! {
        environment = run_steps(&mut console, programs, source, keep) => environment?,
        _ = interrupt.recv() => return Err(Error::new("interrupted")),
        _ = terminate.recv() => return Err(Error::new("received SIGTERM")),
    };
    if keep {
        inspect::print_commands(&console, &environment, source);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
    Ok(())
}

async fn run_steps(
    console: &mut Console,
    programs: &Programs,
    source: ConfigKind,
    keep: bool,
) -> Result<Environment> {
    let world = start_world(console, programs).await?;
    let mut variant = Variant { interval: Some(INTERVAL), ..Variant::default() };
    if source != ConfigKind::Loopback {
        variant.source = Some(source);
    }
    if keep {
        let port = free_address()?.port();
        variant.annotations.push((METRICS_PORT, port.to_string()));
    }
    let pod = admission::admit(console, &world, &variant).await?;
    let sidecar = sidecar::start(console, &world, &pod).await?;
    let app = app::start(console, &world, &pod, source).await?;
    let mut environment = Environment { world, pod, sidecar, app };
    refresh::wait_for_renewal(console, &mut environment).await?;
    denied::run(console, &environment.world, source).await?;
    console.success(&format!("Done in {:.1} s.", console.elapsed().as_secs_f64()));
    Ok(environment)
}

async fn start_world(console: &mut Console, programs: &Programs) -> Result<World> {
    console.step("Setup: the real programs, with fakes for the clouds and the cluster");
    let start = Instant::now();
    let mut config = clouds_config()?;
    for account in &mut config.aws.accounts {
        for role in &mut account.roles {
            role.session_seconds = Some(SESSION_SECONDS);
        }
    }
    for account in &mut config.google.service_accounts {
        account.token_seconds = Some(GOOGLE_TOKEN_SECONDS);
    }
    let program = std::env::current_exe().context("find the demo's program")?;
    let world = World::start(programs, vec![program.into(), "app".into()], config).await?;
    console.fact("webhook", &format!("rolebridge-webhook, ready after {} ms", start.elapsed().as_millis()));
    console.fact("sidecar", "rolebridge-sidecar");
    console.fact("app", "a batch job with Google's own library google-cloud-auth, unchanged");
    console.fact("fakes", "AWS, Google, the Kubernetes API server and the kubelet, on 127.0.0.1");
    Ok(world)
}
