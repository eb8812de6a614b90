//! Two replicas of the real webhook with a managed certificate, called continuously by a client that trusts only the
//! `caBundle`, as API servers do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Client};
use rolebridge_tests::fake_apiserver::{FakeApiServer, Kind, Outage};
use rolebridge_tests::review;
use rolebridge_tests::webhook_process::WebhookProcess;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::{TIMEOUT, programs};

pub(crate) const NAMESPACE: &str = "rolebridge-system";
pub(crate) const SECRET: &str = "rolebridge-managed";
const LEASE: &str = "rolebridge";
const CONFIGURATIONS: [&str; 2] = ["rolebridge", "rolebridge-workloads"];
pub(crate) const HOST: &str = "rolebridge.rolebridge-system.svc";
const DEFAULTS: &str =
    "settings:\n  provider: projects/123456/locations/global/workloadIdentityPools/aws-pool/providers/prod\n";

/// Lifetimes short enough for a test. A certificate is renewed after 6 s, a CA after 18 s.
const TIMES: [&str; 5] = [
    "--managed-leaf-lifetime=10s",
    "--managed-ca-lifetime=30s",
    "--managed-publish-delay=1s",
    "--managed-lease-duration=2s",
    "--reload-interval=0.2",
];
/// `--managed-publish-delay`: a call with an older `caBundle` may fail.
const PUBLISH_DELAY: Duration = Duration::from_secs(1);
/// Delay after which an API server sees a changed configuration.
const WATCH_LAG: Duration = Duration::from_millis(600);

/// Creates the Secret and the Lease that the chart creates empty.
pub(crate) fn create_empty_objects(api_server: &FakeApiServer) {
    api_server.put(Kind::Secret, NAMESPACE, SECRET, json!({"type": "Opaque"}));
    api_server.put(Kind::Lease, NAMESPACE, LEASE, json!({}));
}

/// Creates the webhook configurations of the chart.
pub(crate) fn create_configurations(api_server: &FakeApiServer) {
    for name in CONFIGURATIONS {
        api_server.put(Kind::MutatingWebhookConfiguration, "", name, configuration(name));
    }
}

/// Builds a configuration with two entries that call the webhook, and one that does not.
fn configuration(name: &str) -> Value {
    let entry = |entry: &str, service: &str| {
        json!({"name": format!("{entry}.{name}.io"), "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"service": {"namespace": NAMESPACE, "name": service, "path": "/mutate", "port": 443}}})
    };
    json!({"webhooks": [entry("a", "rolebridge"), entry("foreign", "other"), entry("b", "rolebridge")]})
}

pub(crate) async fn start_replica(api_server: &FakeApiServer, times: &[&str]) -> WebhookProcess {
    let mut args = vec![
        format!("--managed-certificate={NAMESPACE}/{SECRET}"),
        format!("--managed-lease={LEASE}"),
        "--managed-service=rolebridge".to_owned(),
        "--drain-delay=0.5".to_owned(),
    ];
    args.extend(CONFIGURATIONS.map(|name| format!("--configuration={name}")));
    args.extend(times.iter().map(ToString::to_string));
    let dir = tempfile::tempdir().unwrap();
    WebhookProcess::start(&programs().await.webhook, api_server, DEFAULTS, dir, &args).unwrap()
}

pub(crate) fn secret_value(api_server: &FakeApiServer, key: &str) -> Option<String> {
    let secret = api_server.read(Kind::Secret, NAMESPACE, SECRET).unwrap();
    let bytes = STANDARD.decode(secret["data"][key].as_str()?).unwrap();
    Some(String::from_utf8(bytes).unwrap())
}

/// Returns the `caBundle` of each entry that calls the webhook, and asserts that nothing else has changed.
pub(crate) fn ca_bundles(api_server: &FakeApiServer) -> Vec<String> {
    let mut bundles = Vec::new();
    for name in CONFIGURATIONS {
        let object = api_server.read(Kind::MutatingWebhookConfiguration, "", name).unwrap();
        let mut expected = configuration(name);
        for (entry, expected_entry) in
            object["webhooks"].as_array().unwrap().iter().zip(expected["webhooks"].as_array_mut().unwrap())
        {
            if let Some(bundle) = entry["clientConfig"]["caBundle"].as_str() {
                expected_entry["clientConfig"]["caBundle"] = json!(bundle);
                bundles.push(String::from_utf8(STANDARD.decode(bundle).unwrap()).unwrap());
            }
        }
        assert_eq!(object["webhooks"], expected["webhooks"], "only caBundle may change");
    }
    bundles
}

pub(crate) async fn wait_for<T>(description: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < deadline, "{description}: not observed within {TIMEOUT:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

const LEADER: &str = "rolebridge_webhook_leader 1";

async fn has_metric(replica: &WebhookProcess, line: &str) -> bool {
    replica.get("/metrics").await.unwrap().1.lines().any(|found| found == line)
}

/// Waits until the metrics contain this line, or no longer contain it.
async fn wait_for_metric(replica: &WebhookProcess, line: &str, expected: bool) {
    let deadline = Instant::now() + TIMEOUT;
    while has_metric(replica, line).await != expected {
        assert!(Instant::now() < deadline, "metrics contain {line:?}: expected {expected}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Client that calls replicas continuously, each time over a new connection, as API servers do.
struct AdmissionClient {
    /// Addresses of the ready replicas.
    endpoints: Arc<Mutex<Vec<std::net::SocketAddr>>>,
    /// Number of successful calls, and the errors of the others.
    calls: Arc<Mutex<(usize, Vec<String>)>>,
    task: JoinHandle<()>,
}

impl AdmissionClient {
    fn start(api_server: &Arc<FakeApiServer>) -> Self {
        let endpoints = Arc::new(Mutex::new(Vec::new()));
        let calls = Arc::new(Mutex::new((0, Vec::new())));
        let task =
            tokio::spawn(Self::call(Arc::clone(api_server), Arc::clone(&endpoints), Arc::clone(&calls)));
        Self { endpoints, calls, task }
    }

    fn set_endpoints(&self, replicas: &[&WebhookProcess]) {
        *self.endpoints.lock().unwrap() = replicas.iter().map(|replica| replica.address()).collect();
    }

    /// Returns the number of successful calls, and asserts that no call failed.
    fn successes(&self) -> usize {
        let calls = self.calls.lock().unwrap();
        assert_eq!(calls.1, Vec::<String>::new(), "calls failed");
        calls.0
    }

    async fn call(
        api_server: Arc<FakeApiServer>,
        endpoints: Arc<Mutex<Vec<std::net::SocketAddr>>>,
        calls: Arc<Mutex<(usize, Vec<String>)>>,
    ) {
        // Observed caBundles, newest last.
        let mut observed: VecDeque<(Instant, Vec<String>)> = VecDeque::new();
        loop {
            observed.push_back((Instant::now(), ca_bundles(&api_server)));
            while observed.get(1).is_some_and(|(at, _)| at.elapsed() >= WATCH_LAG) {
                observed.pop_front();
            }
            let addresses = endpoints.lock().unwrap().clone();
            for address in addresses {
                for (at, bundles) in [observed.front(), observed.back()].into_iter().flatten() {
                    let count = calls.lock().unwrap().0;
                    let result = post_review(address, &bundles[count % bundles.len()]).await;
                    let age = at.elapsed();
                    let mut calls = calls.lock().unwrap();
                    match result {
                        Ok(()) => calls.0 += 1,
                        // The replica may have been removed from the endpoints during the call.
                        Err(error) if age < PUBLISH_DELAY && endpoints.lock().unwrap().contains(&address) => {
                            calls.1.push(format!("{address} with a caBundle that is {age:?} old: {error:?}"));
                        }
                        Err(_) => {}
                    }
                }
            }
            sleep(Duration::from_millis(40)).await;
        }
    }
}

impl Drop for AdmissionClient {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn post_review(address: std::net::SocketAddr, bundle: &str) -> Result<(), String> {
    let client = Client::builder()
        .tls_certs_only(Certificate::from_pem_bundle(bundle.as_bytes()).unwrap())
        .resolve(HOST, address)
        .no_proxy()
        .build()
        .unwrap();
    let pod = json!({"metadata": {"name": "a", "namespace": "shop"}, "spec": {"containers": []}});
    let request = client.post(format!("https://{HOST}:{}/mutate?timeout=5s", address.port()));
    let response = request.json(&review::for_pod(&pod)).send().await.map_err(|error| format!("{error:?}"))?;
    let body = response.bytes().await.map_err(|error| format!("{error:?}"))?;
    review::AdmissionResponse::parse(&body).map(drop).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_and_ca_rotation_fails_no_call() {
    let api_server = Arc::new(FakeApiServer::start().await.unwrap());
    create_empty_objects(&api_server);
    create_configurations(&api_server);
    let mut first = start_replica(&api_server, &TIMES).await;
    let mut second = start_replica(&api_server, &TIMES).await;
    first.wait_until_ready().await.unwrap();
    second.wait_until_ready().await.unwrap();
    let client = AdmissionClient::start(&api_server);
    client.set_endpoints(&[&first, &second]);

    let (ca, certificate) = (secret_value(&api_server, "ca.crt"), secret_value(&api_server, "tls.crt"));
    wait_for("a new certificate", || (secret_value(&api_server, "tls.crt") != certificate).then_some(()))
        .await;
    assert_eq!(secret_value(&api_server, "ca.crt"), ca, "a certificate is renewed before its CA");
    // While the API server fails, the replicas keep their certificates.
    api_server.set_outage(Some(Outage::Forbidden));
    for replica in [&first, &second] {
        wait_for_metric(replica, LEADER, false).await;
        for step in ["read-configurations", "read-secret", "lease"] {
            let no_errors = format!("rolebridge_webhook_certificate_errors_total{{step=\"{step}\"}} 0");
            wait_for_metric(replica, &no_errors, false).await;
        }
        assert!(replica.is_ready().await);
    }
    api_server.set_outage(None);
    wait_for("a new CA", || (secret_value(&api_server, "ca.crt") != ca).then_some(())).await;
    let (next, last) = (secret_value(&api_server, "ca.crt").unwrap(), secret_value(&api_server, "tls.crt"));
    wait_for("a certificate of the new CA", || (secret_value(&api_server, "tls.crt") != last).then_some(()))
        .await;
    let overlap = ca_bundles(&api_server);
    assert!(overlap.len() == 4 && overlap.iter().all(|bundle| bundle.contains(&next)), "{overlap:?}");
    assert!(overlap.iter().all(|bundle| bundle.contains(ca.as_ref().unwrap())), "the old CA stays published");

    let (mut leader, mut other) =
        if has_metric(&first, LEADER).await { (first, second) } else { (second, first) };
    client.set_endpoints(&[&other]);
    leader.process().kill().await.unwrap();
    let before = client.successes();
    wait_for_metric(&other, LEADER, true).await;
    let only_new_ca = || ca_bundles(&api_server).iter().all(|bundle| *bundle == next).then_some(());
    wait_for("removal of the old CA", only_new_ca).await;

    // An invalid Secret is regenerated, also without a failed call.
    let mut invalid = api_server.read(Kind::Secret, NAMESPACE, SECRET).unwrap();
    invalid["data"]["ca.key"] = json!(STANDARD.encode("invalid"));
    api_server.put(Kind::Secret, NAMESPACE, SECRET, invalid);
    let last = secret_value(&api_server, "tls.crt");
    wait_for("another CA", || (secret_value(&api_server, "ca.crt").unwrap() != next).then_some(())).await;
    wait_for("a certificate of the new CA", || (secret_value(&api_server, "tls.crt") != last).then_some(()))
        .await;

    let mut third = start_replica(&api_server, &TIMES).await;
    third.wait_until_ready().await.unwrap();
    client.set_endpoints(&[&third]);
    let holder = || api_server.read(Kind::Lease, NAMESPACE, LEASE).unwrap()["spec"]["holderIdentity"].take();
    let previous_holder = holder();
    assert!(other.process().terminate(TIMEOUT).await.unwrap().success());
    assert_ne!(holder(), previous_holder, "the Lease is released");
    wait_for_metric(&third, LEADER, true).await;
    let after = client.successes();
    assert!(before > 0 && after > before, "{before}, {after} calls");
    for replica in [&mut leader, &mut other, &mut third] {
        let log = replica.process().log().text();
        assert!(log.contains("leadership") && !log.contains("PRIVATE"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_chart_objects_are_named_in_log_and_readiness() {
    let api_server = FakeApiServer::start().await.unwrap();
    let mut replica = start_replica(&api_server, &TIMES).await;
    let message = "Secret rolebridge-system/rolebridge-managed not found: the chart creates it empty, and the webhook then fills it";
    replica.process().log().wait_for_line(0, TIMEOUT, |line| line.contains(message)).await.unwrap();
    let wait_for_readyz = async |message: &str| {
        let deadline = Instant::now() + TIMEOUT;
        let expected = (503, format!("not ready: {message}\n"));
        while replica.get("/readyz").await.unwrap() != expected {
            assert!(Instant::now() < deadline, "{:?}", replica.get("/readyz").await);
            sleep(Duration::from_millis(20)).await;
        }
    };
    wait_for_readyz("no serving certificate yet").await;
    api_server.put(Kind::Secret, NAMESPACE, SECRET, json!({"type": "Opaque"}));
    wait_for_readyz("MutatingWebhookConfiguration rolebridge not found").await;
    let secret = api_server.read(Kind::Secret, NAMESPACE, SECRET).unwrap();
    let lease = api_server.read(Kind::Lease, NAMESPACE, LEASE).expect("the webhook creates the Lease");
    assert_eq!(
        lease["metadata"]["ownerReferences"][0]["uid"], secret["metadata"]["uid"],
        "the Secret owns the Lease"
    );
    create_configurations(&api_server);
    replica.wait_until_ready().await.unwrap();
}

#[tokio::test]
async fn wiped_ca_bundle_is_restored_before_the_next_poll() {
    let api_server = FakeApiServer::start().await.unwrap();
    create_empty_objects(&api_server);
    create_configurations(&api_server);
    let poll_interval = "--reload-interval=3600";
    let mut replica = start_replica(&api_server, &["--managed-publish-delay=1s", poll_interval]).await;
    replica.wait_until_ready().await.unwrap();
    let published = ca_bundles(&api_server);
    for name in CONFIGURATIONS {
        api_server.put(Kind::MutatingWebhookConfiguration, "", name, configuration(name));
    }
    wait_for("restored caBundle", || (ca_bundles(&api_server) == published).then_some(())).await;
    assert_eq!(published.len(), 4);
}
