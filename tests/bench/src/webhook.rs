//! The webhook compared with a TLS echo that only finds the review's uid: on the same core, in the same run, in turn.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
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
use crate::reviews::Pods;
use crate::table::{Limit, Row};
use crate::{machine, peers, reviews, table};

pub(crate) const SERVER_CPU: usize = 0;
pub(crate) const LOAD_CPU: usize = 1;
/// Rounds of each comparison. The server that begins changes with each round.
const ROUNDS: usize = 8;
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

/// Measures the latency at a fixed rate, the CPU time, the maximum throughput and the memory of both.
///
/// # Errors
/// Returns an error if a server does not start, or if a response does not admit the pod.
pub(crate) async fn measure(program: &Path) -> Result<Vec<Row>, Error> {
    let kubernetes = start_cluster(OTHER_SERVICE_ACCOUNTS).await?;
    machine::pin_to_cpu(SERVER_CPU)?;
    let mut webhook = Webhook::start(program, &kubernetes, DEFAULTS).await?;
    let pid = webhook.process().id().ok_or("the webhook has exited")?;
    let resident = machine::resident_mib(pid)?;
    let (echo_address, echo) =
        start_echo(&std::env::current_exe()?.with_file_name("echo"), webhook.dir()).await?;
    let servers = Servers {
        echo: (echo_address, echo.id().ok_or("the echo has exited")?),
        webhook: (webhook.address(), pid),
        tls: client_config(&webhook.dir().join("ca.crt"))?,
    };
    machine::pin_to_cpu(LOAD_CPU)?;

    let mixed = reviews::read_all()?;
    servers.compare(1, &mixed, Pace::Closed, 1.0)?; // warm up
    let steady = servers.compare(ROUNDS, &mixed, Pace::Open(200.0), 2.0)?;
    steady.describe("at 200/s")?;
    let peak = servers.compare(ROUNDS, &mixed, Pace::Closed, 1.0)?;
    peak.describe("at most")?;
    let loaded = machine::resident_mib(pid)?;
    let mut rows = vec![
        Row::new("webhook: p50 latency at 200/s, relative to the echo", steady.ratio(|run| run.p50), "x")
            .budget(Limit::AtMost(1.25))
            .goal(Limit::AtMost(1.1))
            .peers(peers::p50()),
        Row::new(
            "webhook: maximum reviews per second, relative to the echo",
            peak.ratio(|run| run.throughput),
            table::FACTOR,
        )
        .budget(Limit::AtLeast(0.6)),
    ];
    for pods in [Pods::Alike, Pods::New] {
        for (index, fixture) in reviews::FIXTURES.into_iter().enumerate() {
            let reviews = reviews::of_pods(fixture, pods, reviews::PODS_OF_EACH)?;
            let runs = servers.compare(ROUNDS, &reviews, Pace::Closed, 1.0)?;
            let review = pods.describe(fixture);
            runs.describe(&review)?;
            let name = format!("webhook: CPU time of a {review} review, relative to the echo");
            let row = Row::new(name, runs.ratio(|run| run.cpu), table::FACTOR);
            rows.push(row.goal(pods.cpu_goal(index)).peers(peers::cpu(index)));
            if pods == Pods::Alike {
                let name = format!("webhook: maximum {review} reviews per second, relative to the echo");
                let row = Row::new(name, runs.ratio(|run| run.throughput), table::FACTOR);
                let goal = Limit::AtLeast([0.8, 0.95, 1.05][index]);
                rows.push(row.goal(goal).peers(peers::throughput(index)));
            }
        }
    }
    rows.push(
        Row::new("webhook: resident memory with 10,000 service accounts cached", resident, "MiB")
            .budget(Limit::AtMost(32.0))
            .goal(Limit::AtMost(16.0)),
    );
    let row = Row::new("webhook: resident memory after the load", loaded, "MiB");
    rows.push(row.budget(Limit::AtMost(32.0)));
    Ok(rows)
}

/// Both servers: their addresses and process ids.
struct Servers {
    echo: (SocketAddr, u32),
    webhook: (SocketAddr, u32),
    tls: Arc<rustls::ClientConfig>,
}

/// A load of one server.
struct Run {
    p50: f64,
    p99: f64,
    throughput: f64,
    /// CPU time of a review, in microseconds.
    cpu: f64,
}

/// The loads of both servers, in rounds: the echo's, and the webhook's.
struct Runs(Vec<[Run; 2]>);

impl Servers {
    /// Loads both servers in turn.
    fn compare(&self, rounds: usize, reviews: &[Bytes], pace: Pace, seconds: f64) -> Result<Runs, Error> {
        let run = |server| self.run(server, reviews, pace, Duration::from_secs_f64(seconds));
        let round = |round| {
            if round % 2 == 0 {
                return Ok([run(self.echo)?, run(self.webhook)?]);
            }
            let webhook = run(self.webhook)?;
            Ok([run(self.echo)?, webhook])
        };
        (0..rounds).map(round).collect::<Result<_, _>>().map(Runs)
    }

    fn run(
        &self,
        (address, pid): (SocketAddr, u32),
        reviews: &[Bytes],
        pace: Pace,
        time: Duration,
    ) -> Result<Run, Error> {
        let target = Target { address, name: SERVER_NAME, tls: self.tls.clone(), reviews: reviews.to_vec() };
        let before = machine::cpu_time(pid)?;
        let load = std::thread::spawn(move || target.run(pace, 8, time));
        let Measurement { responses, throughput, p50, p99, denial, .. } =
            load.join().map_err(|_| Error::from("the load thread panicked"))??;
        if let Some(denial) = denial {
            return Err(format!("expected no denial, found {denial}").into());
        }
        let cpu = machine::cpu_time(pid)?.saturating_sub(before).as_secs_f64() * 1e6;
        Ok(Run { p50, p99, throughput, cpu: cpu / f64::from(u32::try_from(responses)?) })
    }
}

impl Runs {
    /// Returns the webhook's figure relative to the echo's of the same round: the median of all rounds.
    fn ratio(&self, figure: impl Fn(&Run) -> f64) -> f64 {
        median(self.0.iter().map(|[echo, webhook]| figure(webhook) / figure(echo)))
    }

    fn describe(&self, load: &str) -> Result<(), Error> {
        for (index, server) in ["echo", "webhook"].into_iter().enumerate() {
            let figure = |figure: fn(&Run) -> f64| median(self.0.iter().map(|round| figure(&round[index])));
            writeln!(
                stdout(),
                "  {load:>11}: {server:<7} {:>6.0}/s, CPU {:>4.0} µs, p50 {:>5.0} µs, p99 {:>5.0} µs",
                figure(|run| run.throughput),
                figure(|run| run.cpu),
                figure(|run| run.p50),
                figure(|run| run.p99),
            )?;
        }
        Ok(())
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
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
