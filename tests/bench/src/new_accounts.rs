//! The webhook while many service accounts are new: their pods need live reads, and none may be denied.

use std::io::{Write, stdout};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use rolebridge_tests::fake_apiserver::FakeApiServer;
use rolebridge_tests::webhook::Webhook;
use serde_json::json;
use tokio::time::sleep;

use crate::error::Error;
use crate::load::{Measurement, Pace, Target};
use crate::table::{Limit, Row};
use crate::webhook::{
    DEFAULTS, LOAD_CPU, NAMESPACE, SERVER_CPU, SERVER_NAME, SERVICE_ACCOUNT, client_config,
};
use crate::{machine, reviews};

const NAMESPACES: usize = 50;
const NEW_ACCOUNTS: usize = 500;
const PODS_PER_SECOND: f64 = 500.0;
const LOAD_TIME: Duration = Duration::from_mins(1);
/// Time for which the watch delivers none of the new accounts.
const WATCH_LAG: Duration = Duration::from_secs(10);

/// Measures the denials of pods with new service accounts.
///
/// # Errors
/// Returns an error if a server does not start or respond.
pub(crate) async fn measure(program: &Path) -> Result<Vec<Row>, Error> {
    let load = create_pods_of_new_accounts(program).await?;
    if let Some(denial) = &load.denial {
        writeln!(stdout(), "  first denial: {denial}")?;
    }
    writeln!(stdout(), "  new service accounts: p50 {:.0} µs, p99 {:.0} µs", load.p50, load.p99)?;
    #[expect(clippy::cast_precision_loss, reason = "a count of pods is far below 2^52")]
    let denied = load.denied as f64;
    Ok(vec![
        Row::new("webhook: denied pods of 30,000 at 500/s, with 500 new service accounts", denied, "")
            .budget(Limit::AtMost(0.0))
            .goal(Limit::AtMost(0.0)),
        Row::new("webhook: p99 latency of these pods, as their client sees it", load.p99 / 1e3, "ms")
            .goal(Limit::AtMost(20.0)),
    ])
}

async fn create_pods_of_new_accounts(program: &Path) -> Result<Measurement, Error> {
    let kubernetes = FakeApiServer::start().await?;
    for n in 0..NAMESPACES {
        kubernetes.put_namespace(&namespace(n), &json!({"rolebridge.io/inject": "enabled"}), &json!({}));
    }
    machine::pin_to_cpu(SERVER_CPU)?;
    let webhook = Webhook::start(program, &kubernetes, DEFAULTS).await?;
    machine::pin_to_cpu(LOAD_CPU)?;
    kubernetes.pause_watches(true);
    let annotations = json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/bench"});
    let mut reviews = Vec::new();
    let review = reviews::read("tiny")?;
    for n in 0..NEW_ACCOUNTS {
        let account = format!("new-{n}");
        kubernetes.put_service_account(&namespace(n), &account, &annotations);
        let review = review.replace(NAMESPACE, &namespace(n)).replace(SERVICE_ACCOUNT, &account);
        reviews.push(Bytes::from(review));
    }
    let tls = client_config(&webhook.dir().join("ca.crt"))?;
    let target = Target { address: webhook.address(), name: SERVER_NAME, tls, reviews };
    // The fake API server needs this thread meanwhile.
    let load = tokio::task::spawn_blocking(move || {
        target.run(Pace::Open(PODS_PER_SECOND), 64, LOAD_TIME).map_err(|error| error.to_string())
    });
    sleep(WATCH_LAG).await;
    kubernetes.pause_watches(false);
    let measurement = load.await??;
    let gets = kubernetes.request_counts().gets;
    writeln!(stdout(), "  live reads for {NEW_ACCOUNTS} new service accounts: {gets}")?;
    Ok(measurement)
}

fn namespace(n: usize) -> String {
    format!("team-{}", n % NAMESPACES)
}
