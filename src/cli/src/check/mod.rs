//! `check`: what is wrong with a cluster's installation, and with the pods that opted in.
//!
//! Files here read (`release`, `read`, `replica`, `trial`, `pods`, `events`), judge (`judge`, `pod`: no IO and no clock)
//! and tell (`tell`).

mod account;
mod events;
mod finding;
mod judge;
mod page;
mod picture;
mod pod;
mod pods;
mod progress;
mod read;
mod release;
mod replica;
mod since;
mod tally;
mod tell;
mod trial;

use std::io::Write;

use clap::Args;
use jiff::Timestamp;
use kube::Client;

use self::finding::{Check, Finding, Severity};
use self::picture::Picture;
use self::pods::Installation;
use self::progress::Progress;
use self::tell::Told;
use crate::cluster::{answer, connect, wait_for};
use crate::failure::Failure;
use crate::tell::Output;

/// What is looked at.
#[derive(Debug, Args)]
pub(crate) struct Asked {
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
pub(crate) fn run(asked: &Asked, output: Output, out: &mut impl Write) -> Result<(), Failure> {
    let told = wait_for(look(asked))?;
    tell::write(&told, output, out)?;
    match told.count(Severity::Error) {
        0 => Ok(()),
        errors => Err(Failure::Checked(errors)),
    }
}

async fn look(asked: &Asked) -> Result<Told, Failure> {
    let progress = Progress::begin();
    let (client, default) = connect(asked.context.as_deref()).await?;
    // A cluster that does not answer is no finding.
    answer("the version of the API server", client.apiserver_version()).await?;
    let wanted = asked.release_namespace.as_deref();
    let configurations = release::configurations(&client, wanted).await;
    let Some(release) = release::find(&client, &configurations, wanted).await? else {
        return Ok(Told { title: "Rolebridge".to_owned(), findings: vec![absent(wanted)] });
    };
    let namespace = asked.namespace.as_deref().unwrap_or(&default);
    let picture = read::picture(&client, release, configurations, namespace, &progress).await;
    let mut findings = judge::installation(&picture);
    findings.extend(look_at_pods(&client, asked.namespace.as_deref(), &picture, &progress).await);
    Ok(Told { title: picture.title(), findings })
}

async fn look_at_pods(
    client: &Client,
    only: Option<&str>,
    picture: &Picture,
    progress: &Progress,
) -> Vec<Finding> {
    let defaults = picture.defaults.as_ref().ok().and_then(Option::as_ref);
    let installation = Installation {
        defaults: defaults.and_then(|read| read.as_ref().ok()).cloned(),
        excluded: picture.configurations.as_deref().map(picture::excluded).unwrap_or_default(),
        now: Timestamp::now(),
    };
    let mut pods = pods::read(client, only, &installation, progress).await;
    events::read(client, &mut pods).await;
    judge::pods::judge(&pods)
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
