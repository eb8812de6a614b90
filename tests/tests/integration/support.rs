//! Helpers of the integration tests: starts a world with the app as its own program, and reads its results.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rolebridge_fake_clouds::config::Config;
use rolebridge_fake_clouds::{Clouds, Detail, Event, ProjectedToken, RoleAssumed, Timestamp, TokenExchanged};
use rolebridge_tests::app::RunResult;
use rolebridge_tests::error::Result;
use rolebridge_tests::fake_kubelet::{Pod, RunningPod};
use rolebridge_tests::process::Process;
use rolebridge_tests::programs::Programs;
use rolebridge_tests::world::{ACCOUNT, APP, ISSUER, NAMESPACE, World, clouds_config};
use tokio::sync::OnceCell;

/// The programs, built once for all tests.
static PROGRAMS: OnceCell<Result<Programs>> = OnceCell::const_new();

/// Timeout of every operation that is expected to succeed.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// Starts a world with the clouds of `clouds.yaml`.
pub(crate) async fn world() -> World {
    world_with(clouds_config().unwrap()).await
}

/// Starts a world with other clouds.
pub(crate) async fn world_with(config: Config) -> World {
    world_with_app(config, vec![env!("CARGO_BIN_EXE_nightly-report").into()]).await
}

/// Starts a world with other clouds and another app.
pub(crate) async fn world_with_app(config: Config, app: Vec<std::ffi::OsString>) -> World {
    World::start(programs().await, app, config).await.unwrap()
}

/// Builds the real programs, and installs the crypto provider that their TLS clients need.
pub(crate) async fn programs() -> &'static Programs {
    // Installing fails in all tests but the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let programs = PROGRAMS.get_or_init(async || tokio::task::spawn_blocking(Programs::build).await.unwrap());
    programs.await.as_ref().unwrap()
}

/// Returns clouds with AWS sessions and Google tokens that expire soon enough to be renewed within a test.
pub(crate) fn short_lived_credentials() -> Config {
    let mut config = clouds_config().unwrap();
    for role in &mut config.aws.accounts[0].roles {
        role.session_seconds = Some(10);
    }
    for account in &mut config.google.service_accounts {
        account.token_seconds = Some(242);
    }
    config
}

/// Issues the pod's projected token.
pub(crate) fn issue_token(clouds: &Clouds, audience: &str, at: Timestamp, lifetime: i64) -> String {
    let token = ProjectedToken {
        namespace: NAMESPACE,
        service_account: ACCOUNT,
        audiences: &[audience],
        lifetime,
        pod: Some("nightly-report-x7b2q"),
    };
    clouds.issuer(ISSUER).unwrap().mint(&token, at).unwrap()
}

/// Writes a file to a folder and returns its path.
pub(crate) fn write_file(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Returns the results that the app has written, one for each run.
pub(crate) fn results(app: &Process) -> Vec<RunResult> {
    app.log()
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect()
}

/// Returns the rows of the table in `clouds.yaml`.
pub(crate) fn rows() -> RunResult {
    let rows = [
        ["2026-11-21", "DE", "1204", "88412.50"],
        ["2026-11-22", "DE", "1398", "97130.00"],
        ["2026-11-22", "FR", "611", "41007.25"],
        ["2026-11-23", "DE", "1451", "99870.75"],
    ];
    RunResult::Rows(rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect())
}

/// Runs a pod with an app that runs once, and asserts that the app reads the rows and succeeds.
pub(crate) async fn run_until_rows_are_read(pod: &Pod) -> RunningPod {
    let mut running = pod.run(TIMEOUT).await.unwrap();
    let app = running.process(APP).unwrap();
    let status = app.wait(TIMEOUT).await.unwrap();
    assert!(status.success(), "{}", app.log().text());
    assert_eq!(results(app), [rows()]);
    running
}

/// Returns the sessions that AWS issued.
pub(crate) fn sessions(events: &[Event]) -> Vec<&RoleAssumed> {
    events
        .iter()
        .filter_map(|event| match &event.detail {
            Detail::RoleAssumed(assumed) if event.error.is_none() => Some(assumed),
            _ => None,
        })
        .collect()
}

/// Returns the exchanges of subject tokens for federated tokens at Google.
pub(crate) fn exchanges(events: &[Event]) -> Vec<&TokenExchanged> {
    events
        .iter()
        .filter_map(|event| match &event.detail {
            Detail::TokenExchanged(exchanged) if event.error.is_none() => Some(exchanged),
            _ => None,
        })
        .collect()
}
