//! `check`: finds problems of a cluster's installation and of the pods that opted in.
//!
//! Some files read the cluster (`release`, `collect`, `serving_cert`, `dry_run`, `collect_pods`, `events`). Others decide
//! without IO or clock (`rules`, `classify_pod`). `report` writes the findings.

mod aggregate;
mod classify_pod;
mod collect;
mod collect_pods;
mod common_labels;
mod dry_run;
mod events;
mod finding;
mod opt_in_time;
mod paginate;
mod progress;
mod report;
mod rules;
mod scope;
mod service_account;
mod serving_cert;
mod snapshot;

use std::path::PathBuf;

use clap::Args;

use self::collect_pods::PodCheckContext;
use self::finding::{Check, Finding, Severity};
use self::progress::Progress;
use self::report::Report;
use crate::cluster::{block_on, connect, release, with_timeout};
use crate::error::CliError;
use crate::input::manifests::read_defaults;
use crate::options::KubectlOptions;
use crate::output::{Console, OutputFormat};

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Check the pods of all namespaces, which is the default without --namespace
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
    /// Check the pods against this defaults.yaml instead of the installed one, as after an upgrade
    ///
    /// Accepts the ConfigMap that contains it too, for example from `helm template`; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    defaults: Option<PathBuf>,
    /// The namespace of the installed chart [default: that of the Service in the webhook configuration]
    #[arg(long, value_name = "NAMESPACE")]
    release_namespace: Option<String>,
}

/// Checks a cluster and writes the findings.
///
/// # Errors
///
/// Returns an error if the cluster cannot be reached, or if a finding is an error.
pub(crate) fn run(
    args: &CheckArgs,
    kubectl: &KubectlOptions,
    format: OutputFormat,
    out: &mut Console<'_>,
) -> Result<(), CliError> {
    let report = block_on(collect_and_evaluate(args, kubectl))?;
    report.write(format, out)?;
    match report.count(Severity::Error) {
        0 => Ok(()),
        errors => Err(CliError::CheckFailed(errors)),
    }
}

async fn collect_and_evaluate(args: &CheckArgs, kubectl: &KubectlOptions) -> Result<Report, CliError> {
    let defaults = args.defaults.as_deref().map(read_defaults).transpose()?;
    let progress = Progress::start();
    let (client, namespace) = connect(kubectl).await?;
    // An unreachable cluster is an error of the command, not a finding.
    with_timeout("the version of the API server", client.apiserver_version()).await?;
    let release_namespace = args.release_namespace.as_deref();
    let (configurations, others) = match release::list_all_configurations(&client).await {
        Ok(all) => {
            let (own, others) = release::partition(all, release_namespace);
            (Ok(own), others)
        }
        Err(message) => (Err(message), Vec::new()),
    };
    let Some(release) = release::find(&client, &configurations, release_namespace).await? else {
        let findings = vec![not_installed(release_namespace)];
        return Ok(Report { title: "Rolebridge".to_owned(), findings });
    };
    let snapshot = collect::collect(&client, release, (configurations, others), &namespace, &progress).await;
    let mut findings = rules::evaluate_installation(&snapshot);
    let context = PodCheckContext {
        defaults: defaults.or_else(|| snapshot.defaults.iter().flatten().flatten().next().cloned()),
        scope: snapshot.scope(),
        now: snapshot.now,
    };
    let mut pods = collect_pods::collect(&client, kubectl.namespace.as_deref(), &context, &progress).await;
    events::collect(&client, &mut pods).await;
    findings.extend(rules::pods::evaluate(&pods));
    Ok(Report { title: snapshot.title(), findings })
}

/// Reports that there is no release.
fn not_installed(namespace: Option<&str>) -> Finding {
    let message = match namespace {
        Some(namespace) => format!(
            "The chart is not installed in the namespace {namespace}: no MutatingWebhookConfiguration calls a Service there, \
             and no ConfigMap there has its defaults. Fix: run `helm install`."
        ),
        None => "No MutatingWebhookConfiguration has an entry of Rolebridge, so no pod is injected. Fix: run `helm install`. If the \
                 chart is installed, run `helm upgrade`, which recreates it; --release-namespace NAMESPACE checks the other \
                 objects."
            .to_owned(),
    };
    Finding::new(Check::Configuration, Severity::Error, "MutatingWebhookConfiguration", message)
}
