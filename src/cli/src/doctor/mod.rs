//! `doctor`: where a pod's way to Google ends, why, and what mends it.
//!
//! The sidecar tries the hops, since only there the pod's network, clock and token are what the app has. What stands
//! before that is looked at from outside: the pod, whether it was injected, whether its sidecar runs.

mod ephemeral;
mod exec;
mod injection;
mod mend;
mod outside;
mod patient;
mod report;
mod seen;
mod tell;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use rolebridge_core::diagnostics::{StepResult, StepStatus};
use serde::Serialize;

use self::mend::{Mend, Place};
use self::tell::Teller;
use crate::arguments::{Cluster, Surroundings};
use crate::cluster::{connect, wait_for};
use crate::failure::Failure;
use crate::tell::Output;

/// What `doctor` is asked.
#[derive(Debug, Args)]
pub(crate) struct Asked {
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
    mend: Option<Mend>,
}

/// Finds out and tells it.
pub(crate) fn run(
    asked: &Asked,
    surroundings: &Surroundings,
    cluster: &Cluster,
    output: Output,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut teller = Teller::new(output, out);
    let diagnosis = match (&asked.report, &asked.pod) {
        (Some(path), _) => of_report(report::read(path)?, &mut teller)?,
        (None, pod) => wait_for(async {
            let (client, default) = connect(cluster.context.as_deref()).await?;
            let namespace = surroundings.namespace.clone().unwrap_or(default);
            let name = pod.clone().unwrap_or_default();
            let patient = patient::Patient { client, namespace, name };
            patient.examine(asked.ephemeral, surroundings, cluster, &mut teller).await
        })?,
    };
    teller.end(&diagnosis)?;
    if diagnosis.steps.iter().any(|result| result.status == StepStatus::Failed) {
        return Err(Failure::Unwell);
    }
    Ok(())
}

fn of_report(steps: Vec<StepResult>, teller: &mut Teller<'_>) -> Result<Diagnosis, Failure> {
    for result in &steps {
        teller.step_result(result)?;
    }
    let mend = mend::of(&steps, Place::of(&steps));
    Ok(Diagnosis { pod: None, namespace: None, steps, mend })
}
