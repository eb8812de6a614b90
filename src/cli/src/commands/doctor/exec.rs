//! Runs the steps in the pod's running sidecar.

use std::iter::once;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::AttachParams;
use rolebridge_core::diagnostics::{DOCTOR_ARGS, StepResult};
use rolebridge_core::pod_names::{CONTAINER, PROGRAM};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use crate::cluster::{with_deadline, with_timeout};
use crate::commands::doctor::report_file::parse_line;
use crate::error::CliError;

/// The deadline for all steps: each takes 15 seconds at most.
const EXEC_TIMEOUT: Duration = Duration::from_mins(3);

/// Runs the steps and passes each result to `on_result` as soon as it arrives.
///
/// # Errors
///
/// Returns an error if the command cannot be run, or if it writes no result.
pub(super) async fn run_steps(
    pods: &Api<Pod>,
    name: &str,
    on_result: &mut impl FnMut(StepResult) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let command: Vec<_> = once(&PROGRAM).chain(DOCTOR_ARGS).copied().collect();
    let subject = format!("exec in the sidecar of pod/{name} (needs create on pods/exec)");
    let attach = AttachParams::default().container(CONTAINER).stdout(true).stderr(true);
    let mut process = with_timeout(&subject, pods.exec(name, command, &attach)).await?;
    let (stdout, stderr) = (process.stdout(), process.stderr());
    let read = async { tokio::join!(read_results(stdout, on_result), read_text(stderr)) };
    let (count, error_output) = with_deadline(EXEC_TIMEOUT, read)
        .await
        .map_err(|message| CliError::Cluster(format!("{subject}: {message}")))?;
    match count? {
        0 => Err(CliError::Doctor(format!(
            "pod/{name}: the sidecar reported no step. It must be version 0.1 or later. Its error output: {}",
            error_output.trim()
        ))),
        _ => Ok(()),
    }
}

async fn read_results(
    stdout: Option<impl AsyncRead + Unpin>,
    on_result: &mut impl FnMut(StepResult) -> Result<(), CliError>,
) -> Result<usize, CliError> {
    let Some(stdout) = stdout else { return Ok(0) };
    let (mut lines, mut count) = (BufReader::new(stdout).lines(), 0);
    while let Some(line) = lines.next_line().await? {
        if let Some(result) = parse_line(&line) {
            on_result(result)?;
            count += 1;
        }
    }
    Ok(count)
}

async fn read_text(stderr: Option<impl AsyncRead + Unpin>) -> String {
    let mut text = String::new();
    if let Some(mut stderr) = stderr {
        // The text before a broken connection is still useful.
        let _ = stderr.read_to_string(&mut text).await;
    }
    text
}
