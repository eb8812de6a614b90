//! Runs the steps in the pod's running sidecar.

use std::iter::once;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::AttachParams;
use rolebridge_core::diagnostics::StepResult;
use rolebridge_core::pod_names::{CONTAINER, PROGRAM};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use crate::cluster::{with_deadline, with_timeout};
use crate::commands::doctor::report_file::{MAX_OUTPUT_BYTES, parse_line, too_large};
use crate::error::CliError;

/// The deadline for all steps: each takes 15 seconds at most.
const EXEC_TIMEOUT: Duration = Duration::from_mins(3);

/// The maximum length of an error output in a message. The sidecar's own has a line.
const MAX_ERROR_OUTPUT_BYTES: usize = 4096;

/// Runs the steps and passes each result to `on_result` as soon as it arrives.
///
/// # Errors
///
/// Returns an error if the command cannot be run, or if it writes no result.
pub(super) async fn run_steps(
    pods: &Api<Pod>,
    name: &str,
    arguments: &[&str],
    on_result: &mut impl FnMut(StepResult) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let command: Vec<_> = once(PROGRAM).chain(arguments.iter().copied()).collect();
    let subject = format!("exec in the sidecar of pod/{name} (needs create on pods/exec)");
    let attach = AttachParams::default().container(CONTAINER).stdout(true).stderr(true);
    let mut process = with_timeout(&subject, pods.exec(name, command, &attach)).await?;
    let output =
        Output { subject: format!("pod/{name}"), stdout: process.stdout(), stderr: process.stderr() };
    with_deadline(EXEC_TIMEOUT, output.read(on_result))
        .await
        .map_err(|message| CliError::Cluster(format!("{subject}: {message}")))?
}

/// The output of the command.
///
/// The container may run any program, so each stream is limited.
struct Output<Stdout, Stderr> {
    /// The pod, for messages.
    subject: String,
    stdout: Option<Stdout>,
    stderr: Option<Stderr>,
}

impl<Stdout: AsyncRead + Unpin, Stderr: AsyncRead + Unpin> Output<Stdout, Stderr> {
    /// Reads both streams to their end.
    async fn read(
        self,
        on_result: &mut impl FnMut(StepResult) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let Self { subject, stdout, stderr } = self;
        let mut count = 0;
        let results = read_lines(&subject, stdout, |line| {
            let Some(result) = parse_line(line) else { return Ok(()) };
            count += 1;
            on_result(result)
        });
        let mut error_output = Vec::new();
        let errors = read_lines(&subject, stderr, |line| {
            // The rest is read too, because the streams share a connection.
            let left = MAX_ERROR_OUTPUT_BYTES - error_output.len();
            error_output.extend_from_slice(&line[..left.min(line.len())]);
            Ok(())
        });
        tokio::try_join!(results, errors)?;
        if count > 0 {
            return Ok(());
        }
        Err(CliError::Doctor(format!(
            "{subject}: the sidecar reported no step. It must be version 0.1 or later. Its error output: {}",
            String::from_utf8_lossy(&error_output).trim()
        )))
    }
}

/// Passes each line of a stream to `on_line`.
///
/// # Errors
///
/// Returns an error if the stream is too long, or the error of `on_line`.
async fn read_lines(
    subject: &str,
    stream: Option<impl AsyncRead + Unpin>,
    mut on_line: impl FnMut(&[u8]) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let Some(stream) = stream else { return Ok(()) };
    let limit = u64::try_from(MAX_OUTPUT_BYTES + 1).unwrap_or(u64::MAX);
    let mut reader = BufReader::new(stream.take(limit));
    let (mut line, mut read) = (Vec::new(), 0);
    loop {
        line.clear();
        // The lines before a broken connection are still useful.
        let count = reader.read_until(b'\n', &mut line).await.unwrap_or_default();
        read += line.len();
        if read > MAX_OUTPUT_BYTES {
            return Err(too_large(subject));
        }
        if !line.is_empty() {
            on_line(&line)?;
        }
        if count == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{empty, repeat};

    use super::*;

    /// Reads an output and returns the number of results.
    async fn read(stdout: impl AsyncRead + Unpin, stderr: impl AsyncRead + Unpin) -> Result<usize, String> {
        let output = Output { subject: "pod/a".to_owned(), stdout: Some(stdout), stderr: Some(stderr) };
        let mut count = 0;
        let mut on_result = |_| {
            count += 1;
            Ok(())
        };
        output.read(&mut on_result).await.map_err(|error| error.to_string())?;
        Ok(count)
    }

    const STEP: &str = "{\"step\": \"clock\", \"status\": \"ok\", \"message\": \"a\"}\n";

    #[tokio::test]
    async fn output_with_results_is_read() {
        assert_eq!(read(STEP.repeat(3).as_bytes(), &b"a warning"[..]).await, Ok(3));
        assert_eq!(read(format!("a log line\n\u{ff}{STEP}{STEP}").as_bytes(), empty()).await, Ok(1));
        let forged = STEP.replace("clock", "injection");
        assert_eq!(read(format!("{forged}{STEP}").as_bytes(), empty()).await, Ok(1));
    }

    #[tokio::test]
    async fn output_without_results_is_an_error_with_its_error_output() {
        let error = read(empty(), &b"no such command"[..]).await.unwrap_err();
        assert!(error.ends_with("Its error output: no such command"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn endless_output_is_an_error() {
        for stream in [b'a', b'\n'] {
            let stdout = read(repeat(stream), empty()).await.unwrap_err();
            let stderr = read(empty(), repeat(stream)).await.unwrap_err();
            for error in [stdout, stderr] {
                assert!(
                    error.starts_with("pod/a: expected at most 256 KiB of results, found more."),
                    "{error}"
                );
            }
        }
        let (silent, _writer) = tokio::io::duplex(1);
        assert!(with_deadline(EXEC_TIMEOUT, read(silent, empty())).await.is_err());
    }

    #[tokio::test]
    async fn results_before_the_limit_are_read() {
        let count = MAX_OUTPUT_BYTES / STEP.len();
        assert_eq!(read(STEP.repeat(count).as_bytes(), empty()).await, Ok(count));
    }
}
