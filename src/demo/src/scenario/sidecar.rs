//! Starts the injected sidecar as the kubelet does: the app waits until there is a token.

use std::time::Instant;

use rolebridge_core::pod_names::{CONTAINER, TOKEN_FILE};
use rolebridge_fake_clouds::{Detail, Operation, Timestamp};
use rolebridge_tests::error::{Context, Result};
use rolebridge_tests::fake_kubelet::Pod;
use rolebridge_tests::process::Process;
use rolebridge_tests::world::World;

use super::TIMEOUT;
use crate::console::Console;

/// Starts the sidecar and waits until its startup probe succeeds.
pub(crate) async fn start(console: &mut Console, world: &World, pod: &Pod) -> Result<Process> {
    console.step("The kubelet starts the sidecar exactly as the pod specifies");
    console.note(&format!(
        "A process has no root file system of its own: the pod's paths are below {}",
        pod.root().display()
    ));
    let start = Instant::now();
    let mut sidecar = pod.start_container(CONTAINER)?;
    let events = pod.wait_started(&mut sidecar, TIMEOUT).await?;
    let duration = start.elapsed();
    for event in events {
        console.fact("pod event", &event);
    }
    let assumed = world.clouds.events().into_iter().find_map(|event| match event.detail {
        Detail::RoleAssumed(assumed) if event.operation == Operation::AssumeRoleWithWebIdentity => {
            Some((event.at, assumed))
        }
        _ => None,
    });
    let (at, session) = assumed.context("AWS has issued no session")?;
    console.fact("AWS identity", &session.subject);
    console.fact("AWS session", &session.session_arn);
    console.fact(
        "valid for",
        &format!("{}; short, so that the demo can show the renewal", lifetime(at, session.expires)),
    );
    console.fact("session policy", &session.session_policy.unwrap_or_default());
    console
        .fact("", "GetCallerIdentity is always permitted, so the session can prove the pod's identity only");
    console.fact("token", &describe_token(pod)?);
    console.fact("started", &format!("after {} ms, when the startup probe succeeded", duration.as_millis()));
    Ok(sidecar)
}

/// Formats a lifetime as `SECONDS s, until TIME`.
pub(crate) fn lifetime(from: Timestamp, until: Timestamp) -> String {
    format!("{} s, until {until}", until.0 - from.0)
}

/// Describes the token file by its size and the signed time.
fn describe_token(pod: &Pod) -> Result<String> {
    let file = pod.path(TOKEN_FILE);
    let token = std::fs::read_to_string(&file).context(format_args!("read {}", file.display()))?;
    let date = token.split_once("x-amz-date%22%2C%22value%22%3A%22").and_then(|(_, rest)| rest.get(..16));
    let date = date.context("the token has no x-amz-date")?;
    Ok(format!("{} bytes in {TOKEN_FILE}, signed at {date}, signed again every 2 minutes", token.len()))
}
