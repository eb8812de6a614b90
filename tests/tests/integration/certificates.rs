//! Two replicas of the real webhook that manage their certificate, and an API server that trusts the `caBundle` alone and
//! calls them all along.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Client};
use rolebridge_tests::fake_apiserver::{Kind, Kubernetes, Outage};
use rolebridge_tests::review;
use rolebridge_tests::webhook_process::Replica;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::{PATIENCE, programs};

const NAMESPACE: &str = "rolebridge-system";
const SECRET: &str = "rolebridge-managed";
const LEASE: &str = "rolebridge";
const CONFIGURATIONS: [&str; 2] = ["rolebridge", "rolebridge-workloads"];
const HOST: &str = "rolebridge.rolebridge-system.svc";
const DEFAULTS: &str =
    "settings:\n  provider: projects/123456/locations/global/workloadIdentityPools/aws/providers/prod\n";

/// Times short enough for a test; a certificate is renewed after 6 s, a CA after 18.
const TIMES: [&str; 5] = [
    "--managed-leaf-lifetime=10s",
    "--managed-ca-lifetime=30s",
    "--managed-publish-delay=1s",
    "--managed-lease-duration=2s",
    "--reload-interval=0.2",
];
/// `--managed-publish-delay`: whoever knows only what is older than this may be refused.
const DELAY: Duration = Duration::from_secs(1);
/// How much later an API server hears of a changed configuration.
const LAG: Duration = Duration::from_millis(600);

/// What the chart makes for the webhook to fill.
fn make_empty(kubernetes: &Kubernetes) {
    kubernetes.put(Kind::Secret, NAMESPACE, SECRET, json!({"type": "Opaque"}));
    kubernetes.put(Kind::Lease, NAMESPACE, LEASE, json!({}));
}

/// What the chart makes for API servers.
fn make_configurations(kubernetes: &Kubernetes) {
    for name in CONFIGURATIONS {
        kubernetes.put(Kind::MutatingWebhookConfiguration, "", name, configuration(name));
    }
}

/// Two entries that call the webhook, and one that does not.
fn configuration(name: &str) -> Value {
    let entry = |entry: &str, service: &str| {
        json!({"name": format!("{entry}.{name}.io"), "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"service": {"namespace": NAMESPACE, "name": service, "path": "/mutate", "port": 443}}})
    };
    json!({"webhooks": [entry("a", "rolebridge"), entry("foreign", "other"), entry("b", "rolebridge")]})
}

async fn replica(kubernetes: &Kubernetes, times: &[&str]) -> Replica {
    let mut arguments = vec![
        format!("--managed-certificate={NAMESPACE}/{SECRET}"),
        format!("--managed-lease={LEASE}"),
        "--managed-service=rolebridge".to_owned(),
        "--drain-delay=0.5".to_owned(),
    ];
    arguments.extend(CONFIGURATIONS.map(|name| format!("--configuration={name}")));
    arguments.extend(times.iter().map(ToString::to_string));
    let dir = tempfile::tempdir().unwrap();
    Replica::start(&programs().await.webhook, kubernetes, DEFAULTS, dir, &arguments).unwrap()
}

fn secret(kubernetes: &Kubernetes, key: &str) -> Option<String> {
    let secret = kubernetes.read(Kind::Secret, NAMESPACE, SECRET).unwrap();
    let bytes = STANDARD.decode(secret["data"][key].as_str()?).unwrap();
    Some(String::from_utf8(bytes).unwrap())
}

/// The `caBundle` of each entry that calls the webhook.
fn bundles(kubernetes: &Kubernetes) -> Vec<String> {
    let mut bundles = Vec::new();
    for name in CONFIGURATIONS {
        let object = kubernetes.read(Kind::MutatingWebhookConfiguration, "", name).unwrap();
        let mut expected = configuration(name);
        for (entry, untouched) in
            object["webhooks"].as_array().unwrap().iter().zip(expected["webhooks"].as_array_mut().unwrap())
        {
            if let Some(bundle) = entry["clientConfig"]["caBundle"].as_str() {
                untouched["clientConfig"]["caBundle"] = json!(bundle);
                bundles.push(String::from_utf8(STANDARD.decode(bundle).unwrap()).unwrap());
            }
        }
        assert_eq!(object["webhooks"], expected["webhooks"], "nothing but caBundle is touched");
    }
    bundles
}

async fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

const LEADS: &str = "rolebridge_webhook_leader 1";

async fn says(replica: &Replica, line: &str) -> bool {
    replica.page("/metrics").await.unwrap().1.lines().any(|found| found == line)
}

/// Until its metrics say this line, or do not say it any more.
async fn until_says(replica: &Replica, line: &str, expected: bool) {
    let deadline = Instant::now() + PATIENCE;
    while says(replica, line).await != expected {
        assert!(Instant::now() < deadline, "{line} is not {expected}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Calls some replicas again and again, each time over a new connection.
struct ApiServer {
    /// The addresses of the replicas that it knows to be ready.
    endpoints: Arc<Mutex<Vec<std::net::SocketAddr>>>,
    calls: Arc<Mutex<(usize, Vec<String>)>>,
    calling: JoinHandle<()>,
}

impl ApiServer {
    fn start(kubernetes: &Arc<Kubernetes>) -> Self {
        let endpoints = Arc::new(Mutex::new(Vec::new()));
        let calls = Arc::new(Mutex::new((0, Vec::new())));
        let calling =
            tokio::spawn(Self::call(Arc::clone(kubernetes), Arc::clone(&endpoints), Arc::clone(&calls)));
        Self { endpoints, calls, calling }
    }

    fn knows(&self, replicas: &[&Replica]) {
        *self.endpoints.lock().unwrap() = replicas.iter().map(|replica| replica.address()).collect();
    }

    /// How many calls succeeded.
    fn done(&self) -> usize {
        let calls = self.calls.lock().unwrap();
        assert_eq!(calls.1, Vec::<String>::new(), "calls failed");
        calls.0
    }

    async fn call(
        kubernetes: Arc<Kubernetes>,
        endpoints: Arc<Mutex<Vec<std::net::SocketAddr>>>,
        calls: Arc<Mutex<(usize, Vec<String>)>>,
    ) {
        // What it knows of the configurations, newest last.
        let mut known: VecDeque<(Instant, Vec<String>)> = VecDeque::new();
        loop {
            known.push_back((Instant::now(), bundles(&kubernetes)));
            while known.get(1).is_some_and(|(at, _)| at.elapsed() >= LAG) {
                known.pop_front();
            }
            let addresses = endpoints.lock().unwrap().clone();
            for address in addresses {
                for (at, bundles) in [known.front(), known.back()].into_iter().flatten() {
                    let turn = calls.lock().unwrap().0;
                    let answer = post(address, &bundles[turn % bundles.len()]).await;
                    let age = at.elapsed();
                    let mut calls = calls.lock().unwrap();
                    match answer {
                        Ok(()) => calls.0 += 1,
                        // It may have been taken from the list during the call.
                        Err(error) if age < DELAY && endpoints.lock().unwrap().contains(&address) => {
                            calls.1.push(format!("{address} with a caBundle of {age:?} ago: {error:?}"));
                        }
                        Err(_) => {}
                    }
                }
            }
            sleep(Duration::from_millis(40)).await;
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.calling.abort();
    }
}

async fn post(address: std::net::SocketAddr, bundle: &str) -> Result<(), String> {
    let client = Client::builder()
        .tls_certs_only(Certificate::from_pem_bundle(bundle.as_bytes()).unwrap())
        .resolve(HOST, address)
        .no_proxy()
        .build()
        .unwrap();
    let pod = json!({"metadata": {"name": "a", "namespace": "shop"}, "spec": {"containers": []}});
    let request = client.post(format!("https://{HOST}:{}/mutate?timeout=5s", address.port()));
    let response = request.json(&review::of_pod(&pod)).send().await.map_err(|error| format!("{error:?}"))?;
    let body = response.bytes().await.map_err(|error| format!("{error:?}"))?;
    review::Answer::read(&body).map(drop).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_authorities_change_and_no_call_fails() {
    let kubernetes = Arc::new(Kubernetes::start().await.unwrap());
    make_empty(&kubernetes);
    make_configurations(&kubernetes);
    let mut first = replica(&kubernetes, &TIMES).await;
    let mut second = replica(&kubernetes, &TIMES).await;
    first.wait_until_ready().await.unwrap();
    second.wait_until_ready().await.unwrap();
    let api_server = ApiServer::start(&kubernetes);
    api_server.knows(&[&first, &second]);

    let (authority, certificate) = (secret(&kubernetes, "ca.crt"), secret(&kubernetes, "tls.crt"));
    until("a new certificate", || (secret(&kubernetes, "tls.crt") != certificate).then_some(())).await;
    assert_eq!(secret(&kubernetes, "ca.crt"), authority, "a certificate is renewed before its CA");
    // Without an API server they go on with what they have.
    kubernetes.fail(Some(Outage::Forbidden));
    for replica in [&first, &second] {
        until_says(replica, LEADS, false).await;
        for step in ["read-configurations", "read-secret", "lease"] {
            let none = format!("rolebridge_webhook_certificate_faults_total{{step=\"{step}\"}} 0");
            until_says(replica, &none, false).await;
        }
        assert!(replica.is_ready().await);
    }
    kubernetes.fail(None);
    until("a new CA", || (secret(&kubernetes, "ca.crt") != authority).then_some(())).await;
    let (next, last) = (secret(&kubernetes, "ca.crt").unwrap(), secret(&kubernetes, "tls.crt"));
    until("a certificate of it", || (secret(&kubernetes, "tls.crt") != last).then_some(())).await;
    let overlap = bundles(&kubernetes);
    assert!(overlap.len() == 4 && overlap.iter().all(|bundle| bundle.contains(&next)), "{overlap:?}");
    assert!(overlap.iter().all(|bundle| bundle.contains(authority.as_ref().unwrap())), "the old one stays");

    let (mut leader, mut other) = if says(&first, LEADS).await { (first, second) } else { (second, first) };
    api_server.knows(&[&other]);
    leader.process().kill().await.unwrap();
    let before = api_server.done();
    until_says(&other, LEADS, true).await;
    let only_new = || bundles(&kubernetes).iter().all(|bundle| *bundle == next).then_some(());
    until("the end of the old CA", only_new).await;

    // A Secret that somebody spoils is mended, and no less carefully.
    let mut spoilt = kubernetes.read(Kind::Secret, NAMESPACE, SECRET).unwrap();
    spoilt["data"]["ca.key"] = json!(STANDARD.encode("spoilt"));
    kubernetes.put(Kind::Secret, NAMESPACE, SECRET, spoilt);
    let last = secret(&kubernetes, "tls.crt");
    until("another CA", || (secret(&kubernetes, "ca.crt").unwrap() != next).then_some(())).await;
    until("a certificate of it", || (secret(&kubernetes, "tls.crt") != last).then_some(())).await;

    let mut third = replica(&kubernetes, &TIMES).await;
    third.wait_until_ready().await.unwrap();
    api_server.knows(&[&third]);
    let holder = || kubernetes.read(Kind::Lease, NAMESPACE, LEASE).unwrap()["spec"]["holderIdentity"].take();
    let held = holder();
    assert!(other.process().terminate(PATIENCE).await.unwrap().success());
    assert_ne!(holder(), held, "it lets the Lease go");
    until_says(&third, LEADS, true).await;
    let done = api_server.done();
    assert!(before > 0 && done > before, "{before}, {done} calls");
    for replica in [&mut leader, &mut other, &mut third] {
        let log = replica.process().log().text();
        assert!(log.contains("leadership") && !log.contains("PRIVATE"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chart_has_not_made_is_asked_for_by_name() {
    let kubernetes = Kubernetes::start().await.unwrap();
    let mut replica = replica(&kubernetes, &TIMES).await;
    let sentence = "There is no Secret rolebridge-system/rolebridge-managed; the chart makes it, empty, and it is filled when it is there.";
    replica.process().log().line_after(0, PATIENCE, |line| line.contains(sentence)).await.unwrap();
    let says = async |missing: &str| {
        let deadline = Instant::now() + PATIENCE;
        let expected = (503, format!("not ready: {missing}\n"));
        while replica.page("/readyz").await.unwrap() != expected {
            assert!(Instant::now() < deadline, "{:?}", replica.page("/readyz").await);
            sleep(Duration::from_millis(20)).await;
        }
    };
    says("there is no certificate yet").await;
    kubernetes.put(Kind::Secret, NAMESPACE, SECRET, json!({"type": "Opaque"}));
    says("there is no MutatingWebhookConfiguration rolebridge").await;
    let secret = kubernetes.read(Kind::Secret, NAMESPACE, SECRET).unwrap();
    let lease = kubernetes.read(Kind::Lease, NAMESPACE, LEASE).expect("it is made, not asked for");
    assert_eq!(
        lease["metadata"]["ownerReferences"][0]["uid"], secret["metadata"]["uid"],
        "and goes with the Secret"
    );
    make_configurations(&kubernetes);
    replica.wait_until_ready().await.unwrap();
}
