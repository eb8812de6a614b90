//! `check`: what is wrong with a cluster's installation, and with the pods that opted in.
//!
//! Files here read (`release`, `read`, `replica`, `trial`, `pods`, `events`), judge (`judge`, `pod`: no IO and no clock)
//! and tell (`tell`).

mod aggregate;
mod classify_pod;
mod collect;
mod collect_pods;
mod dry_run;
mod events;
mod finding;
mod opt_in_time;
mod paginate;
mod progress;
mod release;
mod report;
mod rules;
mod service_account;
mod serving_cert;
mod snapshot;

use std::io::Write;

use clap::Args;
use jiff::Timestamp;
use kube::Client;

use self::collect_pods::PodCheckContext;
use self::finding::{Check, Finding, Severity};
use self::progress::Progress;
use self::report::Report;
use self::snapshot::InstallationSnapshot;
use crate::cluster::{block_on, connect, with_timeout};
use crate::error::CliError;
use crate::output::OutputFormat;

/// What is looked at.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Look at the pods of this namespace alone, and try one in it [default: all; kubectl's]
    #[arg(short, long)]
    namespace: Option<String>,
    /// The context of the kubeconfig, instead of its current one
    #[arg(long)]
    context: Option<String>,
    /// The namespace of the installed chart [default: looked for in all]
    #[arg(long, value_name = "NAMESPACE")]
    release_namespace: Option<String>,
}

/// Looks, tells, and fails where something is wrong.
pub(crate) fn run(args: &CheckArgs, output: OutputFormat, out: &mut impl Write) -> Result<(), CliError> {
    let told = block_on(collect_and_evaluate(args))?;
    report::write(&told, output, out)?;
    match told.count(Severity::Error) {
        0 => Ok(()),
        errors => Err(CliError::CheckFailed(errors)),
    }
}

async fn collect_and_evaluate(args: &CheckArgs) -> Result<Report, CliError> {
    let progress = Progress::begin();
    let (client, default) = connect(args.context.as_deref()).await?;
    // A cluster that does not answer is no finding.
    with_timeout("the version of the API server", client.apiserver_version()).await?;
    let wanted = args.release_namespace.as_deref();
    let configurations = release::configurations(&client, wanted).await;
    let Some(release) = release::find(&client, &configurations, wanted).await? else {
        return Ok(Report { title: "Rolebridge".to_owned(), findings: vec![absent(wanted)] });
    };
    let namespace = args.namespace.as_deref().unwrap_or(&default);
    let snapshot = collect::snapshot(&client, release, configurations, namespace, &progress).await;
    let mut findings = rules::evaluate_installation(&snapshot);
    findings.extend(check_pods(&client, args.namespace.as_deref(), &snapshot, &progress).await);
    Ok(Report { title: snapshot.title(), findings })
}

async fn check_pods(
    client: &Client,
    only: Option<&str>,
    snapshot: &InstallationSnapshot,
    progress: &Progress,
) -> Vec<Finding> {
    let defaults = snapshot.defaults.as_ref().ok().and_then(Option::as_ref);
    let installation = PodCheckContext {
        defaults: defaults.and_then(|read| read.as_ref().ok()).cloned(),
        excluded: snapshot.configurations.as_deref().map(snapshot::excluded).unwrap_or_default(),
        now: Timestamp::now(),
    };
    let mut pods = collect_pods::read(client, only, &installation, progress).await;
    events::read(client, &mut pods).await;
    rules::pods::evaluate(&pods)
}

/// That there is nothing to look at.
fn absent(namespace: Option<&str>) -> Finding {
    let place = namespace.map_or_else(|| "the cluster".to_owned(), |name| format!("the namespace {name}"));
    let message = format!(
        "There is no release of the chart in {place}: no MutatingWebhookConfiguration with an entry of Rolebridge's, and \
         no ConfigMap with its defaults. `helm install` makes one."
    );
    Finding::new(Check::Configuration, Severity::Error, "MutatingWebhookConfiguration", message)
}
