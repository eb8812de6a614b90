//! Operations on real replicas with a managed certificate, while 200 reviews a second arrive: none is lost.
//!
//! Reviews go to the endpoints that the Service has, on kept and on new connections, and are not sent again.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Certificate, Client};
use rolebridge_core::annotations::eks;
use rolebridge_tests::fake_apiserver::{FakeApiServer, Kind, Outage};
use rolebridge_tests::review::{self, AdmissionResponse};
use rolebridge_tests::webhook_process::WebhookProcess;
use rolebridge_tests::world::ROLE;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::certificates::{
    HOST, NAMESPACE, SECRET, ca_bundles, create_configurations, create_empty_objects, secret_value,
    start_replica, wait_for,
};
use crate::support::TIMEOUT;

/// A new CA is served three seconds after it is published. Nothing expires meanwhile.
const TIMES: [&str; 5] = [
    "--managed-leaf-lifetime=5m",
    "--managed-ca-lifetime=20m",
    "--managed-publish-delay=3s",
    "--managed-lease-duration=2s",
    "--reload-interval=0.2",
];
/// Delay after which the API server sees a changed configuration.
const WATCH_LAG: Duration = Duration::from_millis(100);
/// Interval of the reviews: 200 a second. A slow machine slows them.
const TICK: Duration = Duration::from_millis(5);
/// Maximum number of reviews at a time. Only a slow machine reaches it.
const MAX_CONCURRENT: usize = 32;
/// One of this many reviews opens a connection, for which the certificate is verified.
const CONNECT_EVERY: usize = 10;
/// Deadline of a review. It only ends a test that hangs.
const DEADLINE: Duration = Duration::from_mins(1);
/// Time after which the endpoints no longer have a replica that is terminated; less than its drain delay.
const ENDPOINT_LAG: Duration = Duration::from_millis(200);
/// Time for which etcd delays each response. A live read still ends within the deadline of a review.
const SLOW: Duration = Duration::from_millis(300);
/// Minimum number of reviews in each operation.
const REVIEWS: usize = 100;

/// State that the load and the test share.
#[derive(Default)]
struct Shared {
    /// The addresses of the ready replicas.
    endpoints: Vec<SocketAddr>,
    /// The service accounts of the pods.
    accounts: Vec<String>,
    /// Number of reviews that injected a pod.
    injected: usize,
    /// The errors of the others.
    errors: Vec<String>,
}

/// Reviews that arrive at a fixed rate.
struct Load {
    shared: Arc<Mutex<Shared>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// The clients of an API server that trusts one `caBundle`.
#[derive(Clone)]
struct Clients {
    bundle: String,
    kept: Client,
    reconnecting: Client,
}

impl Clients {
    fn new(bundle: String) -> Self {
        let builder = || {
            let roots = Certificate::from_pem_bundle(bundle.as_bytes()).unwrap();
            let builder = Client::builder().tls_certs_only(roots).no_proxy().timeout(DEADLINE);
            // The port is that of the URL.
            builder.resolve(HOST, ([127, 0, 0, 1], 0).into())
        };
        let (kept, reconnecting) =
            (builder().build().unwrap(), builder().pool_max_idle_per_host(0).build().unwrap());
        Self { bundle, kept, reconnecting }
    }
}

impl Load {
    fn start(api_server: &Arc<FakeApiServer>, replicas: &[&WebhookProcess]) -> Self {
        let shared = Shared {
            endpoints: replicas.iter().map(|replica| replica.address()).collect(),
            accounts: vec!["batch".to_owned()],
            ..Shared::default()
        };
        let shared = Arc::new(Mutex::new(shared));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(send_reviews(Arc::clone(api_server), Arc::clone(&shared), stopped));
        Self { shared, stop, task }
    }

    fn injected(&self) -> usize {
        self.shared.lock().unwrap().injected
    }

    /// Waits for more reviews.
    async fn continue_for(&self, reviews: usize) {
        let enough = self.injected() + reviews;
        wait_for("more injected pods", || {
            let shared = self.shared.lock().unwrap();
            assert_eq!(shared.errors, Vec::<String>::new(), "reviews were lost");
            (shared.injected >= enough).then_some(())
        })
        .await;
    }

    fn add_endpoint(&self, replica: &WebhookProcess) {
        self.shared.lock().unwrap().endpoints.push(replica.address());
    }

    fn remove_endpoint(&self, address: SocketAddr) {
        self.shared.lock().unwrap().endpoints.retain(|endpoint| *endpoint != address);
    }

    fn set_accounts(&self, accounts: Vec<String>) {
        self.shared.lock().unwrap().accounts = accounts;
    }

    /// Ends the load, and asserts that no review was lost.
    async fn end(self) -> usize {
        let _ = self.stop.send(());
        self.task.await.unwrap();
        let shared = self.shared.lock().unwrap();
        assert_eq!(shared.errors, Vec::<String>::new(), "reviews were lost");
        shared.injected
    }
}

async fn send_reviews(
    api_server: Arc<FakeApiServer>,
    shared: Arc<Mutex<Shared>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut clients = Clients::new(ca_bundles(&api_server).remove(0));
    let bundle = watch_bundle(Arc::clone(&api_server), clients.bundle.clone());
    let (mut reviews, mut ticks) = (JoinSet::new(), interval(TICK));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0.. {
        tokio::select! {
            _ = &mut stopped => break,
            _ = ticks.tick() => {}
        }
        if reviews.len() >= MAX_CONCURRENT {
            reviews.join_next().await;
        }
        if *bundle.lock().unwrap() != clients.bundle {
            clients = Clients::new(bundle.lock().unwrap().clone());
        }
        let (address, pod) = {
            let shared = shared.lock().unwrap();
            let account = &shared.accounts[number % shared.accounts.len()];
            (shared.endpoints[number % shared.endpoints.len()], pod(account))
        };
        let reconnects = number % CONNECT_EVERY == 0;
        let client = if reconnects { clients.reconnecting.clone() } else { clients.kept.clone() };
        let shared = Arc::clone(&shared);
        reviews.spawn(async move {
            let result = review_pod(&client, address, &pod).await;
            let mut shared = shared.lock().unwrap();
            match result {
                Ok(()) => shared.injected += 1,
                Err(error) => shared.errors.push(format!("review {number}, {address}: {error}")),
            }
        });
    }
    reviews.join_all().await;
}

/// Follows the `caBundle`, as the API server does.
fn watch_bundle(api_server: Arc<FakeApiServer>, first: String) -> Arc<Mutex<String>> {
    let seen = Arc::new(Mutex::new(first));
    let latest = Arc::downgrade(&seen);
    tokio::spawn(async move {
        loop {
            sleep(WATCH_LAG).await;
            let Some(latest) = latest.upgrade() else { return };
            *latest.lock().unwrap() = ca_bundles(&api_server).remove(0);
        }
    });
    seen
}

fn pod(account: &str) -> Value {
    json!({
        "metadata": {"name": "a", "namespace": "shop", "annotations": {"rolebridge.io/inject": "true"}},
        "spec": {"serviceAccountName": account, "containers": [{"name": "app", "image": "app"}]},
    })
}

async fn review_pod(client: &Client, address: SocketAddr, pod: &Value) -> Result<(), String> {
    let request = client.post(format!("https://{HOST}:{}/mutate?timeout=30s", address.port()));
    let response = request.json(&review::for_pod(pod)).send().await.map_err(|error| format!("{error:?}"))?;
    let body = response.bytes().await.map_err(|error| format!("{error:?}"))?;
    let response = AdmissionResponse::parse(&body).map_err(|error| error.to_string())?;
    response.patch.map(drop).ok_or_else(|| format!("not injected: {:?}", response.message))
}

/// Removes keys of the Secret, so that the webhook issues what they had. Waits until it has.
async fn rotate(api_server: &FakeApiServer, load: &Load, keys: &[&str]) {
    let certificate = secret_value(api_server, "tls.crt");
    let mut secret = api_server.read(Kind::Secret, NAMESPACE, SECRET).unwrap();
    for key in keys {
        secret["data"].as_object_mut().unwrap().remove(*key);
    }
    api_server.put(Kind::Secret, NAMESPACE, SECRET, secret);
    let is_new = || secret_value(api_server, "tls.crt").filter(|new| Some(new) != certificate.as_ref());
    wait_for("a new certificate", is_new).await;
    load.continue_for(REVIEWS).await;
}

/// Replaces each replica: the new one is ready before the old one is terminated.
async fn roll(api_server: &FakeApiServer, load: &Load, replicas: Vec<WebhookProcess>) -> Vec<WebhookProcess> {
    let mut new_replicas = Vec::new();
    for mut old in replicas {
        let mut new = start_replica(api_server, &TIMES).await;
        new.wait_until_ready().await.unwrap();
        load.add_endpoint(&new);
        new_replicas.push(new);
        let address = old.address();
        let removal = async {
            sleep(ENDPOINT_LAG).await;
            load.remove_endpoint(address);
        };
        let (status, ()) = tokio::join!(old.process().terminate(TIMEOUT), removal);
        assert!(status.unwrap().success());
        load.continue_for(REVIEWS).await;
    }
    new_replicas
}

/// The log entries of a list that is complete, and of one that failed.
const LISTED: &str = "all objects listed";
const LIST_FAILED: &str = "failed to list or watch objects";

fn lines(replica: &mut WebhookProcess, text: &str) -> usize {
    replica.process().log().lines().iter().filter(|line| line.contains(text)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_under_load_lose_no_review() {
    let api_server = Arc::new(FakeApiServer::start().await.unwrap());
    create_empty_objects(&api_server);
    create_configurations(&api_server);
    api_server.put_namespace("shop", &json!({}), &json!({}));
    api_server.put_service_account("shop", "batch", &json!({eks::ROLE_ARN: ROLE}));
    let mut replicas = [start_replica(&api_server, &TIMES).await, start_replica(&api_server, &TIMES).await];
    for replica in &mut replicas {
        replica.wait_until_ready().await.unwrap();
    }
    let load = Load::start(&api_server, &replicas.each_ref());
    load.continue_for(REVIEWS).await;

    rotate(&api_server, &load, &["tls.crt"]).await;
    rotate(&api_server, &load, &["ca.key"]).await;
    let mut replicas = roll(&api_server, &load, replicas.into()).await;

    // The API server restarts: it fails, and no longer has the versions that the watches continue.
    let listed = replicas.iter_mut().map(|replica| lines(replica, LISTED)).max().unwrap();
    api_server.set_outage(Some(Outage::Unavailable));
    api_server.put_namespace("other", &json!({}), &json!({}));
    api_server.compact();
    for replica in &mut replicas {
        wait_for("a failed list", || (lines(replica, LIST_FAILED) > 0).then_some(())).await;
    }
    load.continue_for(REVIEWS).await;
    api_server.set_outage(None);
    for replica in &mut replicas {
        wait_for("a repeated list", || (lines(replica, LISTED) > listed).then_some(())).await;
    }

    // etcd is slow, and the watches lag behind: new service accounts are read live.
    api_server.set_outage(Some(Outage::Slow(SLOW)));
    let accounts: Vec<_> = (0..20).map(|n| format!("new-{n}")).collect();
    for account in &accounts {
        api_server.put_service_account("shop", account, &json!({eks::ROLE_ARN: ROLE}));
    }
    let gets = api_server.request_counts().gets;
    load.set_accounts(accounts);
    load.continue_for(REVIEWS).await;
    assert!(api_server.request_counts().gets > gets, "new service accounts are read live");
    api_server.set_outage(None);
    load.continue_for(REVIEWS).await;
    assert!(load.end().await > 9 * REVIEWS);
}
