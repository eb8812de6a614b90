//! `doctor`: the step at which a pod fails to authenticate to Google, with its cause and its fix.
//!
//! The sidecar runs the steps, because only the pod has the app's network, clock and token. Earlier steps are checked from
//! outside the pod: the pod, whether it was injected, whether its sidecar runs.

mod diagnosis;
mod ephemeral;
mod examine;
mod exec;
mod external_checks;
mod injected_pod;
mod injection;
mod remediation;
mod render;
mod report_file;

use std::path::{Path, PathBuf};

use clap::Args;

use self::diagnosis::{DiagnosedStep, Diagnosis, Witness};
use self::examine::Examination;
use self::remediation::remediation;
use self::render::DiagnosisWriter;
use crate::cluster::{block_on, connect};
use crate::error::CliError;
use crate::options::{ClusterOptions, InputOptions, KubectlOptions};
use crate::output::{Console, OutputFormat};

/// The arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The pod: NAME or pod/NAME
    #[arg(value_name = "POD", required_unless_present = "report", value_parser = pod_name)]
    pod: Option<String>,
    /// The output of `rolebridge-sidecar doctor --json`; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "pod")]
    report: Option<PathBuf>,
    /// Run the steps in an ephemeral container, which is added to the pod and stays until the pod is deleted
    #[arg(long)]
    ephemeral: bool,
    /// Also sign as the pod's Google service accounts, as an app that makes signed URLs. Each signature is in Google's audit log
    #[arg(long, conflicts_with = "report")]
    sign: bool,
}

fn pod_name(text: &str) -> Result<String, String> {
    let name = ["pod/", "pods/", "po/"].iter().find_map(|kind| text.strip_prefix(kind)).unwrap_or(text);
    if name.is_empty() || name.contains('/') {
        return Err("expected NAME or pod/NAME".to_owned());
    }
    Ok(name.to_owned())
}

/// Diagnoses a pod in the cluster, or from a report.
///
/// # Errors
///
/// Returns an error if a step failed, or if the pod or the report cannot be read.
pub(crate) fn run(
    args: &DoctorArgs,
    input: &InputOptions,
    cluster: &ClusterOptions,
    kubectl: &KubectlOptions,
    format: OutputFormat,
    out: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut writer = DiagnosisWriter::new(format, out);
    let diagnosis = match (&args.report, &args.pod) {
        (Some(path), _) => diagnose_report(path, &mut writer)?,
        (None, pod) => block_on(async {
            let (client, namespace) = connect(kubectl).await?;
            let name = pod.clone().unwrap_or_default();
            let examination = Examination { client, namespace, name, sign: args.sign };
            examination.run(args.ephemeral, input, cluster, &mut writer).await
        })?,
    };
    writer.finish(&diagnosis)?;
    match (diagnosis.has_failed_step(), diagnosis.authenticates()) {
        (false, _) => Ok(()),
        (true, true) => Err(CliError::SigningFailed),
        (true, false) => Err(CliError::DiagnosisFailed),
    }
}

fn diagnose_report(path: &Path, writer: &mut DiagnosisWriter<'_, '_>) -> Result<Diagnosis, CliError> {
    let results = report_file::read(path)?;
    let remediation = remediation(&results, None);
    let step = |result| DiagnosedStep { stated_by: Witness::Pod, result };
    let steps: Vec<_> = results.into_iter().map(step).collect();
    steps.iter().try_for_each(|step| writer.write_step(step))?;
    Ok(Diagnosis::new(None, None, steps, remediation))
}
