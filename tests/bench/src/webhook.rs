//! The webhook against a TLS echo that only finds the review's uid: same core, same run, in turn.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rolebridge_tests::fake_apiserver::Kubernetes;
use rolebridge_tests::ports::free_address;
use rolebridge_tests::process::Process;
use rolebridge_tests::webhook::Webhook;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use tokio::process::Command;

use crate::load::{Failure, Outcome, Pace, Target};
use crate::machine;
use crate::table::{Budget, Row};

const SERVER_CPU: usize = 0;
const LOAD_CPU: usize = 1;
const ROUNDS: usize = 3;
/// What the reviews of the fixtures come from.
const NAMESPACE: &str = "bench-webhooks";
const SERVICE_ACCOUNT: &str = "bench-sa";
const NAME: &str = "rolebridge.rolebridge.svc";
const OTHER_SERVICE_ACCOUNTS: usize = 10_000;

const DEFAULTS: &str = "
sidecar:
  image: registry.example.com/rolebridge-sidecar:1
settings:
  provider: projects/123456789012/locations/global/workloadIdentityPools/aws/providers/prod
";

/// Measures latency at a steady rate, the most requests a second and the memory of both.
///
/// # Errors
/// A server does not start, or answers anything but that the pod is admitted.
pub(crate) async fn measure(program: &Path) -> Result<Vec<Row>, Failure> {
    let kubernetes = cluster().await?;
    machine::pin(SERVER_CPU)?;
    let mut webhook = Webhook::start(program, &kubernetes, DEFAULTS).await?;
    let pid = webhook.process().id().ok_or("the webhook has ended")?;
    let resident = machine::resident(pid)?;
    let (echo_address, _echo) = echo(webhook.dir()).await?;
    let tls = client(&webhook.dir().join("ca.crt"))?;
    machine::pin(LOAD_CPU)?;

    let reviews = reviews()?;
    let run = |address, pace, seconds| {
        let target = Target { address, name: NAME, tls: tls.clone(), reviews: reviews.clone() };
        let done = std::thread::spawn(move || target.run(pace, 8, Duration::from_secs(seconds)));
        done.join().map_err(|_| Failure::from("the load stopped"))?
    };
    let mut rounds = Vec::new();
    for address in [echo_address, webhook.address()] {
        run(address, Pace::Closed, 1)?; // warm up
    }
    for _ in 0..ROUNDS {
        let echo = (run(echo_address, Pace::Open(200.0), 4)?, run(echo_address, Pace::Closed, 3)?);
        let ours = (run(webhook.address(), Pace::Open(200.0), 4)?, run(webhook.address(), Pace::Closed, 3)?);
        rounds.push((echo, ours));
    }
    let loaded = machine::resident(pid)?;
    for ((steady, most), (our_steady, our_most)) in &rounds {
        writeln!(stdout(), "  echo     {}", line(steady, most))?;
        writeln!(stdout(), "  webhook  {}", line(our_steady, our_most))?;
    }
    Ok(rows(&rounds, resident, loaded))
}

type Pair = (Outcome, Outcome);

fn line(steady: &Outcome, most: &Outcome) -> String {
    format!(
        "at 200/s p50 {:>4.0} µs, p99 {:>5.0} µs; at most {:>6.0}/s, p99 {:>5.0} µs",
        steady.p50, steady.p99, most.throughput, most.p99
    )
}

fn rows(rounds: &[(Pair, Pair)], resident: f64, loaded: f64) -> Vec<Row> {
    let latency = median(rounds.iter().map(|(echo, ours)| ours.0.p50 / echo.0.p50));
    let throughput = median(rounds.iter().map(|(echo, ours)| ours.1.throughput / echo.1.throughput));
    vec![
        Row {
            what: "webhook: p50 latency at 200/s, in the echo's",
            measured: latency,
            budget: Budget::AtMost(1.25),
            unit: "x",
        },
        Row {
            what: "webhook: most reviews a second, in the echo's",
            measured: throughput,
            budget: Budget::AtLeast(0.6),
            unit: "x",
        },
        Row {
            what: "webhook: resident, 10,000 service accounts cached",
            measured: resident,
            budget: Budget::AtMost(32.0),
            unit: "MiB",
        },
        Row {
            what: "webhook: the same after the load",
            measured: loaded,
            budget: Budget::AtMost(32.0),
            unit: "MiB",
        },
    ]
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn cluster() -> Result<Kubernetes, Failure> {
    let kubernetes = Kubernetes::start().await?;
    let annotations = json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/bench"});
    kubernetes.put_namespace(NAMESPACE, &json!({"rolebridge.io/inject": "enabled"}), &json!({}));
    kubernetes.put_service_account(NAMESPACE, SERVICE_ACCOUNT, &annotations);
    for n in 0..OTHER_SERVICE_ACCOUNTS {
        kubernetes.put_service_account(&format!("team-{}", n % 500), &format!("app-{n}"), &annotations);
    }
    Ok(kubernetes)
}

async fn echo(certificates: &Path) -> Result<(SocketAddr, Process), Failure> {
    let program = std::env::current_exe()?.with_file_name("echo");
    let address = free_address()?;
    let mut command = Command::new(program);
    command.arg(address.to_string()).arg(certificates.join("tls.crt")).arg(certificates.join("tls.key"));
    let process = Process::start("echo", command)?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while tokio::net::TcpStream::connect(address).await.is_err() {
        if Instant::now() > deadline {
            return Err(format!("the echo does not listen: {}", process.log().text()).into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok((address, process))
}

fn client(authority: &Path) -> Result<Arc<rustls::ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    Ok(Arc::new(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

fn reviews() -> Result<Vec<Bytes>, Failure> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/reviews"));
    ["tiny", "typical", "large"]
        .iter()
        .map(|name| Ok(Bytes::from(std::fs::read(folder.join(format!("{name}.json")))?)))
        .collect()
}
