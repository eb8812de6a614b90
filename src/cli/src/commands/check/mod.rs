//! `check`: finds problems of a cluster's installation and of the pods that opted in.
//!
//! Some files read the cluster (`release`, `collect`, `serving_cert`, `dry_run`, `collect_pods`, `events`). Others decide
//! without IO or clock (`rules`, `classify_pod`, `demand`). `report` writes the findings.

mod aggregate;
mod classify_pod;
mod collect;
mod collect_pods;
mod common_labels;
mod demand;
mod dry_run;
mod events;
mod finding;
mod opt_in_time;
mod paginate;
mod progress;
mod report;
mod rules;
mod service_account;
mod serving_cert;
mod snapshot;

use std::path::PathBuf;

use clap::Args;
use kube::Client;
use rolebridge_inject::Defaults;

use self::collect_pods::PodCheckContext;
use self::finding::{Check, Finding, Severity};
use self::progress::Progress;
use self::report::Report;
use self::snapshot::InstallationSnapshot;
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
    /// The namespace of the installed chart [default: all releases]
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
    let all = release::list_all_configurations(&client).await;
    let selected = all.clone().map(|all| release::partition(all, release_namespace).0);
    let releases = release::find_all(&client, &selected, release_namespace).await?;
    let is_only_one = releases.len() == 1;
    let mut checks = Vec::new();
    for release in releases {
        // The configurations of an only release may call another Service by mistake.
        let separate = |all| {
            if is_only_one {
                release::partition(all, release_namespace)
            } else {
                release::partition_by_release(all, &release)
            }
        };
        let configurations = match all.clone().map(separate) {
            Ok((own, others)) => (Ok(own), others),
            Err(message) => (Err(message), Vec::new()),
        };
        let snapshot = collect::collect(&client, release, configurations, &namespace, &progress).await;
        let only_namespace = kubectl.namespace.as_deref();
        checks.push(check_release(&client, &snapshot, only_namespace, defaults.as_ref(), &progress).await);
    }
    Ok(match checks.len() {
        0 => Report { title: "Rolebridge".to_owned(), findings: vec![not_installed(release_namespace)] },
        _ => merge(checks),
    })
}

/// Evaluates a release and the pods in its namespaces, or in one of them.
async fn check_release(
    client: &Client,
    snapshot: &InstallationSnapshot,
    namespace: Option<&str>,
    defaults: Option<&Defaults>,
    progress: &Progress,
) -> Report {
    let mut findings = rules::evaluate_installation(snapshot);
    let context = PodCheckContext {
        defaults: defaults.or_else(|| snapshot.defaults.iter().flatten().flatten().next()).cloned(),
        scope: snapshot.scope(),
        now: snapshot.now,
    };
    let mut pods = collect_pods::collect(client, namespace, &context, progress).await;
    events::collect(client, &mut pods).await;
    findings.extend(rules::pods::evaluate(&pods));
    Report { title: snapshot.title(), findings }
}

/// Merges the reports of all releases, in the order of the checks.
fn merge(reports: Vec<Report>) -> Report {
    let titles: Vec<_> = reports.iter().map(|report| report.title.clone()).collect();
    let mut findings: Vec<_> = reports.into_iter().flat_map(|report| report.findings).collect();
    findings.sort_by_key(|finding| finding.check);
    Report { title: titles.join("; "), findings }
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
