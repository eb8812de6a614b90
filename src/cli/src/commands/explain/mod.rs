//! `explain`: each setting with its origin, and the decision about the pod.

mod additions;
mod explanation;
mod render;

use std::path::PathBuf;

use rolebridge_inject::Decision;

use self::explanation::Explanation;
use crate::admission::{Evaluation, evaluate_all};
use crate::cluster::fetch;
use crate::error::CliError;
use crate::input::manifests::Manifests;
use crate::input::object_ref::ObjectRef;
use crate::options::{ClusterOptions, InputOptions, KubectlOptions};
use crate::output::{Console, OutputFormat};

/// Explains the pods in files, or an object in the cluster.
///
/// # Errors
///
/// Returns an error if the input is invalid, if there is no such object, or if a pod would be denied.
pub(crate) fn run(
    target: Option<&ObjectRef>,
    files: &[PathBuf],
    input: &InputOptions,
    cluster: &ClusterOptions,
    kubectl: &KubectlOptions,
    format: OutputFormat,
    out: &mut Console<'_>,
) -> Result<(), CliError> {
    let manifests = match target {
        Some(target) if files.is_empty() => fetch::fetch(target, input, cluster, kubectl)?,
        _ => Manifests::read(files, input, kubectl.namespace.as_deref())?,
    };
    let evaluations = evaluate_all(&manifests, target)?;
    let is_denied = |(_, evaluation): &&(_, Evaluation)| matches!(evaluation.decision, Decision::Deny(_));
    let denied = evaluations.iter().filter(is_denied).count();
    let explanations = evaluations
        .into_iter()
        .map(|(pod, evaluation)| Explanation::new(&pod, evaluation))
        .collect::<Result<Vec<_>, _>>()?;
    render::write(&explanations, format, out)?;
    if denied == 0 { Ok(()) } else { Err(CliError::Denied(denied)) }
}
