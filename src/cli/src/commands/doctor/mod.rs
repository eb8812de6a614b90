//! `doctor`: where a pod's way to Google ends, why, and what mends it.
//!
//! The sidecar tries the hops, since only there the pod's network, clock and token are what the app has. What stands
//! before that is looked at from outside: the pod, whether it was injected, whether its sidecar runs.

mod ephemeral;
mod examine;
mod exec;
mod external_checks;
mod injected_pod;
mod injection;
mod remediation;
mod render;
mod report_file;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use rolebridge_core::diagnostics::{StepResult, StepStatus};
use serde::Serialize;

use self::remediation::{Remediation, ServiceAccountRef};
use self::render::DiagnosisWriter;
use crate::args::{ClusterOptions, InputOptions};
use crate::cluster::{block_on, connect};
use crate::error::CliError;
use crate::output::OutputFormat;

/// What `doctor` is asked.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The pod: NAME, or pod/NAME
    #[arg(value_name = "POD", required_unless_present = "report", value_parser = pod_name)]
    pod: Option<String>,
    /// What `rolebridge-sidecar doctor --json` wrote; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "pod")]
    report: Option<PathBuf>,
    /// Try the hops in an ephemeral container that is added to the pod and stays in it until the pod ends
    #[arg(long)]
    ephemeral: bool,
}

fn pod_name(text: &str) -> Result<String, String> {
    let name = ["pod/", "pods/", "po/"].iter().find_map(|kind| text.strip_prefix(kind)).unwrap_or(text);
    if name.is_empty() || name.contains('/') {
        return Err("it is no pod; NAME or pod/NAME would be right".to_owned());
    }
    Ok(name.to_owned())
}

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Diagnosis {
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    steps: Vec<StepResult>,
    /// What mends the first that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    remediation: Option<Remediation>,
}

/// Finds out and tells it.
pub(crate) fn run(
    asked: &DoctorArgs,
    input: &InputOptions,
    cluster: &ClusterOptions,
    output: OutputFormat,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let mut writer = DiagnosisWriter::new(output, out);
    let diagnosis = match (&asked.report, &asked.pod) {
        (Some(path), _) => of_report(report_file::read(path)?, &mut writer)?,
        (None, pod) => block_on(async {
            let (client, default) = connect(cluster.context.as_deref()).await?;
            let namespace = input.namespace.clone().unwrap_or(default);
            let name = pod.clone().unwrap_or_default();
            let examination = examine::Examination { client, namespace, name };
            examination.examine(asked.ephemeral, input, cluster, &mut writer).await
        })?,
    };
    writer.end(&diagnosis)?;
    if diagnosis.steps.iter().any(|result| result.status == StepStatus::Failed) {
        return Err(CliError::DiagnosisFailed);
    }
    Ok(())
}

fn of_report(steps: Vec<StepResult>, writer: &mut DiagnosisWriter<'_>) -> Result<Diagnosis, CliError> {
    for result in &steps {
        writer.step_result(result)?;
    }
    let remediation = remediation::of(&steps, ServiceAccountRef::of(&steps));
    Ok(Diagnosis { pod: None, namespace: None, steps, remediation })
}
