//! The kubelet starts the injected sidecar, and holds the app back until there is a token.

use std::time::Instant;

use rolebridge_core::pod_names::{CONTAINER, TOKEN_FILE};
use rolebridge_fake_clouds::{Detail, Operation, Timestamp};
use rolebridge_tests::error::{Context, Result};
use rolebridge_tests::fake_kubelet::Pod;
use rolebridge_tests::process::Process;
use rolebridge_tests::world::World;

use super::PATIENCE;
use crate::show::Show;

/// Until the startup probe succeeds.
pub(crate) async fn start(show: &mut Show, world: &World, pod: &Pod) -> Result<Process> {
    show.step("The kubelet starts the sidecar with exactly what the pod says");
    show.note(&format!(
        "A process has no root of its own: the pod's paths lie below {}",
        pod.root().display()
    ));
    let begin = Instant::now();
    let mut sidecar = pod.start(CONTAINER)?;
    let events = pod.started(&mut sidecar, PATIENCE).await?;
    let took = begin.elapsed();
    for event in events {
        show.fact("pod event", &event);
    }
    let assumed = world.clouds.events().into_iter().find_map(|event| match event.detail {
        Detail::RoleAssumed(assumed) if event.operation == Operation::AssumeRoleWithWebIdentity => {
            Some((event.at, assumed))
        }
        _ => None,
    });
    let (at, session) = assumed.context("AWS gave no session")?;
    show.fact("AWS saw", &session.subject);
    show.fact("AWS gave", &session.session_arn);
    show.fact(
        "session",
        &format!("{}; short here, so that nobody waits for a renewal", life(at, session.expires)),
    );
    show.fact("it may", &format!("prove who it is, and else {}", session.session_policy.unwrap_or_default()));
    show.fact("token", &token(pod)?);
    show.fact("started", &format!("{} ms after the start, by the startup probe", took.as_millis()));
    Ok(sidecar)
}

/// `SECONDS s, until TIME`.
pub(crate) fn life(from: Timestamp, until: Timestamp) -> String {
    format!("{} s, until {until}", until.0 - from.0)
}

/// What the file says about its life: the time that was signed.
fn token(pod: &Pod) -> Result<String> {
    let file = pod.path(TOKEN_FILE);
    let token = std::fs::read_to_string(&file).context(format_args!("read {}", file.display()))?;
    let date = token.split_once("x-amz-date%22%2C%22value%22%3A%22").and_then(|(_, rest)| rest.get(..16));
    let date = date.context("the token carries no x-amz-date")?;
    Ok(format!("{} bytes at {TOKEN_FILE}, signed {date}, again every 2 minutes", token.len()))
}
