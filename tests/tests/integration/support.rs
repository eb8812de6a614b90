//! What the tests share: a world with the app as a program of its own.

use std::time::Duration;

use rolebridge_fake_clouds::config::Config;
use rolebridge_fake_clouds::{Detail, Event, RoleAssumed, TokenExchanged};
use rolebridge_tests::app::Line;
use rolebridge_tests::error::Result;
use rolebridge_tests::fake_kubelet::{Pod, Running};
use rolebridge_tests::process::Process;
use rolebridge_tests::programs::Programs;
use rolebridge_tests::world::{APP, World, clouds_config};
use tokio::sync::OnceCell;

/// Built once for all tests.
static PROGRAMS: OnceCell<Result<Programs>> = OnceCell::const_new();

/// How long anything may take that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// With the clouds as `clouds.yaml` has them.
pub(crate) async fn world() -> World {
    world_with(clouds_config().unwrap()).await
}

/// With other clouds.
pub(crate) async fn world_with(config: Config) -> World {
    world_of(config, vec![env!("CARGO_BIN_EXE_nightly-report").into()]).await
}

/// With another app.
pub(crate) async fn world_of(config: Config, app: Vec<std::ffi::OsString>) -> World {
    World::start(programs().await, app, config).await.unwrap()
}

/// The real programs. Whoever has them is about to speak TLS.
pub(crate) async fn programs() -> &'static Programs {
    // Only the first of the tests can choose.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let programs = PROGRAMS.get_or_init(async || tokio::task::spawn_blocking(Programs::build).await.unwrap());
    programs.await.as_ref().unwrap()
}

/// Clouds in which AWS's sessions and Google's tokens are short enough for a test to see them renewed.
pub(crate) fn short_lived() -> Config {
    let mut config = clouds_config().unwrap();
    for role in &mut config.aws.accounts[0].roles {
        role.session_seconds = Some(10);
    }
    for account in &mut config.google.service_accounts {
        account.token_seconds = Some(242);
    }
    config
}

/// What the app wrote, line by line.
pub(crate) fn lines(app: &Process) -> Vec<Line> {
    app.log()
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect()
}

/// The table's rows, as `clouds.yaml` has them.
pub(crate) fn rows() -> Line {
    let rows = [
        ["2026-11-21", "DE", "1204", "88412.50"],
        ["2026-11-22", "DE", "1398", "97130.00"],
        ["2026-11-22", "FR", "611", "41007.25"],
        ["2026-11-23", "DE", "1451", "99870.75"],
    ];
    Line::Rows(rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect())
}

/// Runs a pod whose app is a batch of one run, which reads the rows and ends well.
pub(crate) async fn reads_the_rows(pod: &Pod) -> Running {
    let mut running = pod.run(PATIENCE).await.unwrap();
    let app = running.process(APP).unwrap();
    let status = app.wait(PATIENCE).await.unwrap();
    assert!(status.success(), "{}", app.log().text());
    assert_eq!(lines(app), [rows()]);
    running
}

/// The sessions that AWS gave.
pub(crate) fn sessions(events: &[Event]) -> Vec<&RoleAssumed> {
    events
        .iter()
        .filter_map(|event| match &event.detail {
            Detail::RoleAssumed(assumed) if event.error.is_none() => Some(assumed),
            _ => None,
        })
        .collect()
}

/// The federated tokens that Google gave.
pub(crate) fn exchanges(events: &[Event]) -> Vec<&TokenExchanged> {
    events
        .iter()
        .filter_map(|event| match &event.detail {
            Detail::TokenExchanged(exchanged) if event.error.is_none() => Some(exchanged),
            _ => None,
        })
        .collect()
}
