//! The memory of the webhook in a large cluster with hostile objects, compared with the chart's memory limit.
//!
//! The peak is the kernel's (`VmHWM`), so it includes what lasted for a millisecond. The fake API server is in this process.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use rolebridge_tests::fake_apiserver::FakeApiServer;
use rolebridge_tests::webhook::Webhook;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::load::{Measurement, Pace, Target};
use crate::table::{Limit, Row};
use crate::webhook::{
    self, DEFAULTS, LOAD_CPU, NAMESPACE, SERVER_CPU, SERVER_NAME, SERVICE_ACCOUNT, client_config,
};
use crate::{machine, peers, reviews};

const ACCOUNTS: usize = 100_000;
/// Service accounts with as much ballast as Kubernetes permits.
const BALLAST_ACCOUNTS: usize = 1000;
/// Service accounts with ballast that the watch has not delivered, so that they are read live.
const UNSEEN_ACCOUNTS: usize = 100;
/// Kubernetes permits 256 KiB of annotations.
const BALLAST_BYTES: usize = 255 << 10;
const REVIEWS_PER_SECOND: f64 = 200.0;
const LOAD_TIME: Duration = Duration::from_secs(15);
const LIST_TIMEOUT: Duration = Duration::from_mins(1);

/// Measures the memory at rest, during the first list, and while the list is repeated with reviews and live reads in flight.
///
/// # Errors
/// Returns an error if a server does not start, if a list is not repeated, or if a pod is denied.
pub(crate) async fn measure(program: &Path) -> Result<Vec<Row>, Error> {
    let limit = chart_limit_mib()?;
    let kubernetes = start_cluster().await?;
    machine::pin_to_cpu(SERVER_CPU)?;
    let started = Instant::now();
    let mut webhook = Webhook::start(program, &kubernetes, DEFAULTS).await?;
    let first_list_seconds = started.elapsed().as_secs_f64();
    machine::pin_to_cpu(LOAD_CPU)?;
    let pid = webhook.process().id().ok_or("the webhook has exited")?;
    let first_list = machine::peak_resident_mib(pid)?;
    let at_rest = machine::resident_mib(pid)?;

    machine::reset_peak_resident(pid)?;
    kubernetes.pause_watches(true);
    let load = start_load(&webhook, reviews(&kubernetes)?)?;
    repeat_list(&mut webhook, &kubernetes).await?;
    let measurement = load.await??;
    if let Some(denial) = measurement.denial {
        return Err(format!("expected no denial, found {denial}").into());
    }
    let repeated_list = machine::peak_resident_mib(pid)?;
    let row = |name, measured| Row::new(name, measured, "MiB").budget(Limit::AtMost(limit));
    Ok(vec![
        row("webhook: resident memory at rest", resident_with(program, 0).await?)
            .goal(Limit::AtMost(11.0))
            .peers(peers::at_rest()),
        row(
            "webhook: resident memory with 100,000 service accounts",
            resident_with(program, ACCOUNTS).await?,
        )
        .goal(Limit::AtMost(45.0)),
        Row::new(
            "webhook: start until ready, 100,000 service accounts and 1,000 of 255 KiB",
            first_list_seconds,
            "s",
        )
        .budget(Limit::AtMost(10.0))
        .goal(Limit::AtMost(10.0)),
        row("webhook: resident memory, 100,000 service accounts and 1,000 of 255 KiB", at_rest),
        row("webhook: peak of the first list of these", first_list),
        row("webhook: peak of a repeated list, with 200 reviews/s and large live reads", repeated_list)
            .goal(Limit::AtMost(limit)),
    ])
}

/// Returns the resident memory of a webhook that has listed some service accounts.
async fn resident_with(program: &Path, accounts: usize) -> Result<f64, Error> {
    let kubernetes = webhook::start_cluster(accounts).await?;
    let mut webhook = Webhook::start(program, &kubernetes, DEFAULTS).await?;
    machine::resident_mib(webhook.process().id().ok_or("the webhook has exited")?)
}

async fn start_cluster() -> Result<FakeApiServer, Error> {
    let kubernetes = FakeApiServer::start().await?;
    kubernetes.put_namespace(NAMESPACE, &json!({"rolebridge.io/inject": "enabled"}), &json!({}));
    let role = "arn:aws:iam::111122223333:role/team-12345-application-12345";
    let annotations = json!({"eks.amazonaws.com/role-arn": role, "rolebridge.io/project": "shop-data"});
    kubernetes.put_service_account(NAMESPACE, SERVICE_ACCOUNT, &annotations);
    for n in 0..ACCOUNTS {
        kubernetes.put_service_account(&format!("team-{}", n % 500), &format!("app-{n}"), &annotations);
    }
    let ballast = "x".repeat(BALLAST_BYTES);
    for n in 0..BALLAST_ACCOUNTS {
        // Half of it is relevant, and thus remembered as too large.
        let key = if n % 2 == 0 { "example.com/ballast" } else { "rolebridge.io/outputs" };
        kubernetes.put_service_account("flood", &format!("ballast-{n}"), &json!({key: ballast}));
    }
    Ok(kubernetes)
}

/// Creates the unseen service accounts. Returns the reviews of their pods and those of a known account.
fn reviews(kubernetes: &FakeApiServer) -> Result<Vec<Bytes>, Error> {
    // Each of these characters takes six bytes in JSON.
    let ballast = "\u{1}".repeat(BALLAST_BYTES);
    let role = "arn:aws:iam::111122223333:role/bench";
    let annotations = json!({"eks.amazonaws.com/role-arn": role, "example.com/ballast": ballast});
    let (tiny, typical, large) = (reviews::read("tiny")?, reviews::read("typical")?, reviews::read("large")?);
    let mut reviews = Vec::new();
    for n in 0..UNSEEN_ACCOUNTS {
        let account = format!("unseen-{n}");
        kubernetes.put_service_account(NAMESPACE, &account, &annotations);
        reviews.extend([tiny.replace(SERVICE_ACCOUNT, &account), typical.clone(), large.clone()]);
    }
    Ok(reviews.into_iter().map(Bytes::from).collect())
}

type Load = tokio::task::JoinHandle<Result<Measurement, String>>;

/// Starts the load on another thread, because the fake API server needs this one.
fn start_load(webhook: &Webhook, reviews: Vec<Bytes>) -> Result<Load, Error> {
    let tls = client_config(&webhook.dir().join("ca.crt"))?;
    let target = Target { address: webhook.address(), name: SERVER_NAME, tls, reviews };
    let run = move || target.run(Pace::Open(REVIEWS_PER_SECOND), 16, LOAD_TIME);
    Ok(tokio::task::spawn_blocking(move || run().map_err(|error| error.to_string())))
}

/// Ends the watches with status 410, and waits until all service accounts are listed again.
async fn repeat_list(webhook: &mut Webhook, kubernetes: &FakeApiServer) -> Result<(), Error> {
    let listed = r#""kind":"service-account""#;
    let lists = |log: String| {
        log.lines().filter(|line| line.contains("all objects listed") && line.contains(listed)).count()
    };
    let before = lists(webhook.process().log().text());
    kubernetes.compact();
    let deadline = Instant::now() + LIST_TIMEOUT;
    while lists(webhook.process().log().text()) == before {
        if Instant::now() > deadline {
            let log = webhook.process().log().text();
            return Err(format!("the list was not repeated within {LIST_TIMEOUT:?}:\n{log}").into());
        }
        sleep(Duration::from_millis(50)).await;
    }
    kubernetes.pause_watches(false);
    Ok(())
}

/// Returns the webhook's memory limit in the chart, in MiB.
fn chart_limit_mib() -> Result<f64, Error> {
    #[derive(Deserialize)]
    struct Values {
        webhook: Webhook,
    }
    #[derive(Deserialize)]
    struct Webhook {
        resources: Resources,
    }
    #[derive(Deserialize)]
    struct Resources {
        limits: Limits,
    }
    #[derive(Deserialize)]
    struct Limits {
        memory: String,
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/rolebridge/values.yaml");
    let values: Values = serde_saphyr::from_str(&std::fs::read_to_string(file)?)?;
    let memory = values.webhook.resources.limits.memory;
    Ok(memory.strip_suffix("Mi").ok_or("expected a limit in Mi")?.parse()?)
}
