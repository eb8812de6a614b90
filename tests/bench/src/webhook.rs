//! The webhook compared with a TLS echo that only finds the review's uid: on the same core, in the same run, in turn.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rolebridge_tests::fake_apiserver::FakeApiServer;
use rolebridge_tests::ports::free_address;
use rolebridge_tests::process::Process;
use rolebridge_tests::webhook::Webhook;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use tokio::process::Command;

use crate::error::Error;
use crate::load::{Measurement, Pace, Target};
use crate::table::{Budget, Row};
use crate::{machine, reviews, table};

pub(crate) const SERVER_CPU: usize = 0;
pub(crate) const LOAD_CPU: usize = 1;
const ROUNDS: usize = 3;
/// The namespace of the fixtures' reviews.
pub(crate) const NAMESPACE: &str = "bench-webhooks";
pub(crate) const SERVICE_ACCOUNT: &str = "bench-sa";
pub(crate) const SERVER_NAME: &str = "rolebridge.rolebridge.svc";
const OTHER_SERVICE_ACCOUNTS: usize = 10_000;

pub(crate) const DEFAULTS: &str = "
sidecar:
  image: registry.example.com/rolebridge-sidecar:1
settings:
  provider: projects/123456789012/locations/global/workloadIdentityPools/aws-pool/providers/prod
";

/// Measures the latency at a fixed rate, the maximum throughput and the memory of both.
///
/// # Errors
/// Returns an error if a server does not start, or if a response does not admit the pod.
pub(crate) async fn measure(program: &Path) -> Result<Vec<Row>, Error> {
    let kubernetes = start_cluster(OTHER_SERVICE_ACCOUNTS).await?;
    machine::pin_to_cpu(SERVER_CPU)?;
    let mut webhook = Webhook::start(program, &kubernetes, DEFAULTS).await?;
    let pid = webhook.process().id().ok_or("the webhook has exited")?;
    let resident = machine::resident_mib(pid)?;
    let (echo_address, _echo) =
        start_echo(&std::env::current_exe()?.with_file_name("echo"), webhook.dir()).await?;
    let tls = client_config(&webhook.dir().join("ca.crt"))?;
    machine::pin_to_cpu(LOAD_CPU)?;

    let reviews = reviews::read_all()?;
    let run = |address, pace, seconds| {
        let target = Target { address, name: SERVER_NAME, tls: tls.clone(), reviews: reviews.clone() };
        let load = std::thread::spawn(move || target.run(pace, 8, Duration::from_secs(seconds)));
        let measurement = load.join().map_err(|_| Error::from("the load thread panicked"))??;
        match measurement.denial {
            None => Ok(measurement),
            Some(denial) => Err(Error::from(format!("expected no denial, found {denial}"))),
        }
    };
    let mut rounds = Vec::new();
    for address in [echo_address, webhook.address()] {
        run(address, Pace::Closed, 1)?; // warm up
    }
    for _ in 0..ROUNDS {
        let echo_runs = (run(echo_address, Pace::Open(200.0), 4)?, run(echo_address, Pace::Closed, 3)?);
        let webhook_runs =
            (run(webhook.address(), Pace::Open(200.0), 4)?, run(webhook.address(), Pace::Closed, 3)?);
        rounds.push((echo_runs, webhook_runs));
    }
    let loaded = machine::resident_mib(pid)?;
    for ((steady, peak), (webhook_steady, webhook_peak)) in &rounds {
        writeln!(stdout(), "  echo     {}", describe_round(steady, peak))?;
        writeln!(stdout(), "  webhook  {}", describe_round(webhook_steady, webhook_peak))?;
    }
    Ok(rows(&rounds, resident, loaded))
}

type SteadyAndPeak = (Measurement, Measurement);

fn describe_round(steady: &Measurement, peak: &Measurement) -> String {
    format!(
        "at 200/s p50 {:>4.0} µs, p99 {:>5.0} µs; maximum {:>6.0}/s, p99 {:>5.0} µs",
        steady.p50, steady.p99, peak.throughput, peak.p99
    )
}

fn rows(rounds: &[(SteadyAndPeak, SteadyAndPeak)], resident: f64, loaded: f64) -> Vec<Row> {
    let latency = median(rounds.iter().map(|(echo_runs, webhook_runs)| webhook_runs.0.p50 / echo_runs.0.p50));
    let throughput = median(
        rounds.iter().map(|(echo_runs, webhook_runs)| webhook_runs.1.throughput / echo_runs.1.throughput),
    );
    vec![
        Row {
            name: "webhook: p50 latency at 200/s, relative to the echo",
            measured: latency,
            budget: Budget::AtMost(1.25),
            goal: None,
            unit: table::FACTOR,
        },
        Row {
            name: "webhook: maximum reviews per second, relative to the echo",
            measured: throughput,
            budget: Budget::AtLeast(0.6),
            goal: None,
            unit: table::FACTOR,
        },
        Row {
            name: "webhook: resident memory with 10,000 service accounts cached",
            measured: resident,
            budget: Budget::AtMost(32.0),
            goal: None,
            unit: "MiB",
        },
        Row {
            name: "webhook: resident memory after the load",
            measured: loaded,
            budget: Budget::AtMost(32.0),
            goal: None,
            unit: "MiB",
        },
    ]
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Starts an API server with the namespace and the service account of the fixtures, and others.
///
/// # Errors
/// Returns an error if it does not start.
pub(crate) async fn start_cluster(other_service_accounts: usize) -> Result<FakeApiServer, Error> {
    let kubernetes = FakeApiServer::start().await?;
    let annotations = json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/bench"});
    kubernetes.put_namespace(NAMESPACE, &json!({"rolebridge.io/inject": "enabled"}), &json!({}));
    kubernetes.put_service_account(NAMESPACE, SERVICE_ACCOUNT, &annotations);
    for n in 0..other_service_accounts {
        kubernetes.put_service_account(&format!("team-{}", n % 500), &format!("app-{n}"), &annotations);
    }
    Ok(kubernetes)
}

/// Starts the echo, and waits until it accepts connections.
///
/// # Errors
/// Returns an error if it does not.
pub(crate) async fn start_echo(program: &Path, certificates: &Path) -> Result<(SocketAddr, Process), Error> {
    let address = free_address()?;
    let mut command = Command::new(program);
    command.arg(address.to_string()).arg(certificates.join("tls.crt")).arg(certificates.join("tls.key"));
    let process = Process::start("echo", command)?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while tokio::net::TcpStream::connect(address).await.is_err() {
        if Instant::now() > deadline {
            return Err(format!("timed out waiting for the echo: {}", process.log().text()).into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok((address, process))
}

pub(crate) fn client_config(authority: &Path) -> Result<Arc<rustls::ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    Ok(Arc::new(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
