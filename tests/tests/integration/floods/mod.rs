//! Floods of connections from the address of the API server, which loses no admission.

mod kind;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use reqwest::{Certificate, Client};
use rolebridge_core::annotations::eks;
use rolebridge_tests::fake_apiserver::FakeApiServer;
use rolebridge_tests::review::{self, AdmissionResponse};
use rolebridge_tests::webhook::{DNS_NAME, Webhook};
use rolebridge_tests::world::ROLE;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use self::kind::{Kind, hold, open};
use crate::support::programs;

const DEFAULTS: &str =
    "settings:\n  provider: projects/123456/locations/global/workloadIdentityPools/aws-pool/providers/prod\n";
/// Slots of the webhook, few enough for the TLS handshakes of a debug build.
const SLOTS: usize = 100;
/// Connections of each kind that are open at the start. Without those of the health port, they are more than the slots.
const INITIAL: usize = 20;
/// Connections to the health port that are open at the start, more than its slots.
const INITIAL_HEALTH: usize = 100;
/// Connections of each kind that follow, one at each tick.
const FOLLOWING: usize = 30;
/// Interval in which each kind opens a connection, at least. A kind waits for its previous TLS handshake, so that a slow
/// machine slows the flood too.
const FLOOD_TICK: Duration = Duration::from_millis(200);
/// Number of admissions.
const ADMISSIONS: usize = 300;
/// Interval of the admissions: 50 a second.
const ADMISSION_TICK: Duration = Duration::from_millis(20);
/// Maximum number of admissions at a time. Only a slow machine reaches it.
const MAX_CONCURRENT: usize = 16;
/// One of this many pods is large: it may not use the share of the memory that only small reviews have.
const LARGE_EVERY: usize = 10;
/// Deadline of a request. It only ends a test that hangs.
const DEADLINE: Duration = Duration::from_mins(1);
/// Half of the memory limit of the chart. Full caches and lists need the other half.
const MEMORY_LIMIT_KIB: u64 = 128 << 10;

/// Opens connections of one kind, and returns when the first ones are open. Others follow.
async fn flood(kind: Kind, webhook: &Webhook, tls: &Arc<ClientConfig>) -> JoinHandle<()> {
    let (address, initial) = match kind {
        Kind::HealthPort => (webhook.health(), INITIAL_HEALTH),
        _ => (webhook.address(), INITIAL),
    };
    let tls = Arc::clone(tls);
    let mut held = JoinSet::new();
    for _ in 0..initial {
        held.spawn(hold(open(kind, address, &tls).await));
    }
    tokio::spawn(async move {
        let mut ticks = interval(FLOOD_TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..FOLLOWING {
            ticks.tick().await;
            held.spawn(hold(open(kind, address, &tls).await));
        }
        held.join_all().await;
    })
}

/// Reviews a pod. The client sends a request again if the server has closed an idle connection or has announced its end,
/// as Go's does. It does not retry anything else.
async fn admit(client: Client, port: u16, is_large: bool) -> Result<(), String> {
    let ballast = "x".repeat(if is_large { 100 << 10 } else { 0 });
    let annotations = json!({"rolebridge.io/inject": "true", "example.com/ballast": ballast});
    let pod = json!({
        "metadata": {"name": "a", "namespace": "shop", "annotations": annotations},
        "spec": {"serviceAccountName": "batch", "containers": [{"name": "app", "image": "app"}]},
    });
    let request = client.post(format!("https://{DNS_NAME}:{port}/mutate?timeout=30s"));
    let response = request.json(&review::for_pod(&pod)).send().await.map_err(|error| format!("{error:?}"))?;
    let body = response.bytes().await.map_err(|error| format!("{error:?}"))?;
    let response = AdmissionResponse::parse(&body).map_err(|error| error.to_string())?;
    response.patch.map(drop).ok_or_else(|| format!("not injected: {:?}", response.message))
}

/// Sends all admissions at their rate, every second one on a new connection. Returns the errors.
async fn admit_all(webhook: &Webhook) -> Vec<String> {
    let ca = std::fs::read(webhook.dir().join("ca.crt")).unwrap();
    let builder = || {
        let builder = Client::builder().tls_certs_only([Certificate::from_pem(&ca).unwrap()]).no_proxy();
        builder.resolve(DNS_NAME, webhook.address()).timeout(DEADLINE)
    };
    let kept = builder().build().unwrap();
    let reconnecting = builder().pool_max_idle_per_host(0).build().unwrap();
    let (mut admissions, mut results) = (JoinSet::new(), Vec::new());
    let mut ticks = interval(ADMISSION_TICK);
    for number in 0..ADMISSIONS {
        ticks.tick().await;
        if admissions.len() >= MAX_CONCURRENT {
            results.extend(admissions.join_next().await);
        }
        let client = if number % 2 == 0 { &kept } else { &reconnecting };
        admissions.spawn(admit(client.clone(), webhook.address().port(), number % LARGE_EVERY == 0));
    }
    results.extend(admissions.join_all().await.into_iter().map(Ok));
    results.into_iter().filter_map(|result| result.unwrap().err()).collect()
}

async fn evictions(webhook: &Webhook, port: &str) -> u64 {
    let (_, metrics) = webhook.get("/metrics").await.unwrap();
    let name = format!("rolebridge_webhook_evicted_connections_total{{port=\"{port}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

/// Returns the most memory that the process has used, in KiB.
fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_from_the_address_of_the_api_server_lose_no_admission() {
    let api_server = FakeApiServer::start().await.unwrap();
    api_server.put_namespace("shop", &json!({}), &json!({}));
    api_server.put_service_account("shop", "batch", &json!({eks::ROLE_ARN: ROLE}));
    let slots = format!("--max-connections={SLOTS}");
    let args = [&*slots, "--review-timeout=30"];
    let mut webhook =
        Webhook::start_with_args(&programs().await.webhook, &api_server, DEFAULTS, &args).await.unwrap();
    let ca = CertificateDer::from_pem_file(webhook.dir().join("ca.crt")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(ca).unwrap();
    let tls = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());

    let floods = join_all(Kind::ALL.map(|kind| flood(kind, &webhook, &tls))).await;
    let errors = admit_all(&webhook).await;
    assert!(errors.is_empty(), "{} of {ADMISSIONS}: {errors:#?}", errors.len());
    assert_eq!(webhook.get("/readyz").await.unwrap().0, 200);
    for port in ["reviews", "health"] {
        assert!(evictions(&webhook, port).await > 0, "the flood of {port} was too small");
    }
    let memory = peak_memory(webhook.process().id().unwrap());

    assert!(memory < MEMORY_LIMIT_KIB, "{memory} KiB");
    floods.iter().for_each(JoinHandle::abort);
}
