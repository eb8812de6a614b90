//! The clouds' own command lines, `aws` and `gcloud`, run what `setup`, `doctor` and the README print. The main job then
//! runs on exactly what those commands made.
//!
//! The test is ignored, so that plain `cargo test` reports it. `tests/command-lines/run` provides the tools.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "Clippy's exception for tests does not cover helper functions"
)]

mod diagnosis;
mod guide;
mod operator;
mod pod;
mod printed;
mod setup;

use std::collections::BTreeSet;

use tokio::task::JoinSet;

/// Each scenario has clouds of its own, so they run at the same time. At the end, every printed command was run, or is
/// listed with the reason why not.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs aws and gcloud: tests/command-lines/run"]
async fn printed_commands_lead_to_rows() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut scenarios = JoinSet::new();
    for identity in ["aws-role", "aws-jwt", "kubernetes"] {
        scenarios.spawn(async move {
            let impersonated = setup::commands_lead_to_rows(identity, true).await;
            diagnosis::printed_fixes_heal(&impersonated, identity).await;
            impersonated.commands()
        });
        scenarios.spawn(async move { setup::commands_lead_to_rows(identity, false).await.commands() });
    }
    scenarios.spawn(async { guide::readme_leads_to_rows().await.commands() });
    let mut run = BTreeSet::new();
    let mut failed = 0;
    while let Some(commands) = scenarios.join_next().await {
        match commands {
            Ok(commands) => run.extend(commands),
            Err(_) => failed += 1,
        }
    }
    assert_eq!(failed, 0, "scenarios that failed, with the messages above");
    printed::check(&run).await;
}
