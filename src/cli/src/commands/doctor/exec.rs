//! The hops, tried by the sidecar that runs in the pod.

use std::iter::once;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::AttachParams;
use rolebridge_core::diagnostics::{DOCTOR_ARGS, StepResult};
use rolebridge_core::pod_names::{CONTAINER, PROGRAM};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::time::timeout;

use super::report_file;
use crate::cluster::with_timeout;
use crate::error::CliError;

/// For all hops: each has a quarter of a minute at most.
const EXEC_TIMEOUT: Duration = Duration::from_mins(3);

/// Gives each hop to `each` as soon as the sidecar has tried it.
pub(super) async fn steps(
    pods: &Api<Pod>,
    name: &str,
    each: &mut impl FnMut(StepResult) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let command: Vec<_> = once(&PROGRAM).chain(DOCTOR_ARGS).copied().collect();
    let what = format!("a command in the sidecar of pod/{name} (the permission is create on pods/exec)");
    let attach = AttachParams::default().container(CONTAINER).stdout(true).stderr(true);
    let mut process = with_timeout(&what, pods.exec(name, command, &attach)).await?;
    let (out, err) = (process.stdout(), process.stderr());
    let told = timeout(EXEC_TIMEOUT, async { tokio::join!(each_line(out, each), text(err)) }).await;
    let no_end = |_| CliError::Cluster(format!("{what}: no end within {EXEC_TIMEOUT:?}"));
    let (count, complaint) = told.map_err(no_end)?;
    match count? {
        0 => Err(CliError::Doctor(format!(
            "The sidecar of pod/{name} told no hop; an older version than 0.1 cannot. It said: {}",
            complaint.trim()
        ))),
        _ => Ok(()),
    }
}

async fn each_line(
    out: Option<impl AsyncRead + Unpin>,
    each: &mut impl FnMut(StepResult) -> Result<(), CliError>,
) -> Result<usize, CliError> {
    let Some(out) = out else { return Ok(0) };
    let (mut lines, mut count) = (BufReader::new(out).lines(), 0);
    while let Some(line) = lines.next_line().await? {
        if let Some(result) = report_file::step_result(&line) {
            each(result)?;
            count += 1;
        }
    }
    Ok(count)
}

async fn text(err: Option<impl AsyncRead + Unpin>) -> String {
    let mut text = String::new();
    if let Some(mut err) = err {
        // What came before a broken connection is still worth showing.
        let _ = err.read_to_string(&mut text).await;
    }
    text
}
