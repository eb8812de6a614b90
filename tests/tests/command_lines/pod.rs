//! The main job: a pod is injected by the real webhook, and reads rows with Google's own library.

use std::collections::BTreeMap;
use std::sync::Arc;

use rolebridge_core::annotations::PROJECT as PROJECT_ANNOTATION;
use rolebridge_core::aws::POD_IDENTITY_URI;
use rolebridge_core::pod_names::{CONTAINER, PROGRAM};
use rolebridge_fake_clouds::{Clouds, ProjectedToken};
use rolebridge_tests::app::{RunResult, env_vars};
use rolebridge_tests::deployment;
use rolebridge_tests::fake_apiserver::FakeApiServer;
use rolebridge_tests::fake_kubelet::{Node, Pod, TokenRequest};
use rolebridge_tests::ports::free_address;
use rolebridge_tests::programs::Programs;
use rolebridge_tests::review;
use rolebridge_tests::webhook::Webhook;
use rolebridge_tests::world::{APP, APP_PROGRAM, DEPLOYMENT};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::operator::{Operator, PROJECT, TIMEOUT};

/// The programs, built once.
static PROGRAMS: OnceCell<Programs> = OnceCell::const_new();

/// The namespace of the pods.
pub(crate) const NAMESPACE: &str = "shop";
/// The Kubernetes service account of the pods.
pub(crate) const SERVICE_ACCOUNT: &str = "batch";

/// Builds the real programs.
pub(crate) async fn programs() -> &'static Programs {
    let build = async || tokio::task::spawn_blocking(Programs::build).await.unwrap().unwrap();
    PROGRAMS.get_or_init(build).await
}

/// Returns a Deployment with the annotations on its pod.
pub(crate) fn deployment(annotations: &Value) -> Value {
    let mut deployment = deployment::parse(DEPLOYMENT).unwrap();
    let template = &mut deployment["spec"]["template"];
    template["spec"]["serviceAccountName"] = json!(SERVICE_ACCOUNT);
    template["metadata"]["annotations"] = annotations.clone();
    template["metadata"]["annotations"][PROJECT_ANNOTATION] = json!(PROJECT);
    deployment
}

/// A cluster with the webhook and the pods' service account.
#[derive(Debug)]
pub(crate) struct Cluster {
    webhook: Webhook,
    _api_server: FakeApiServer,
}

impl Cluster {
    /// Starts a cluster in which the service account has these annotations.
    pub(crate) async fn start(operator: &Operator, account: &Value) -> Self {
        let api_server = FakeApiServer::start().await.unwrap();
        let labels = json!({"kubernetes.io/metadata.name": NAMESPACE});
        api_server.put_namespace(NAMESPACE, &labels, &json!({}));
        api_server.put_service_account(NAMESPACE, SERVICE_ACCOUNT, account);
        let webhook = &programs().await.webhook;
        let webhook = Webhook::start(webhook, &api_server, &defaults(&operator.clouds)).await.unwrap();
        Self { webhook, _api_server: api_server }
    }

    /// Runs the Deployment's pod, and asserts that the app reads the rows. The port is free again afterwards.
    pub(crate) async fn reads_rows(&self, operator: &Operator, deployment: &Value) {
        let clouds = &operator.clouds;
        let pod = with_app(deployment::to_pod(deployment).unwrap(), clouds);
        let response = self.webhook.mutate(&review::for_pod(&pod)).await.unwrap();
        assert!(response.allowed && response.patch.is_some(), "{response:?}");
        let admitted = on_this_machine(&response.apply(&pod).unwrap(), clouds);
        let pod = Pod::create(&node(operator, programs().await), &admitted).unwrap();
        let mut running = pod.run(TIMEOUT).await.unwrap();
        let app = running.process(APP).unwrap();
        let status = app.wait(TIMEOUT).await.unwrap();
        let results: Vec<RunResult> =
            app.log().lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let rows = [["2026-11-21", "1204"], ["2026-11-22", "1398"]];
        let rows = rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(results, [RunResult::Rows(rows)], "{:#?}", clouds.events());
        assert!(status.success());
        // The identity `kubernetes` needs no sidecar.
        if let Some(sidecar) = running.process(CONTAINER) {
            sidecar.terminate(TIMEOUT).await.unwrap();
        }
    }
}

/// Replaces the address of the EKS Pod Identity agent, which every node has, by that of the fake.
fn on_this_machine(pod: &Value, clouds: &Clouds) -> Value {
    let agent = format!("{}/v1/credentials", clouds.pod_identity());
    serde_json::from_str(&pod.to_string().replace(POD_IDENTITY_URI, &agent)).unwrap()
}

/// Returns the defaults of the webhook: only the addresses of the fakes.
fn defaults(clouds: &Clouds) -> String {
    let settings = json!({
        "aws-region": "eu-west-1",
        "aws-sts-endpoint": clouds.aws_sts(),
        "sts-endpoint": clouds.google_sts(),
        "iam-credentials-endpoint": clouds.iam_credentials(),
        "ca-bundle": "clouds/ca.crt",
        "port": free_address().unwrap().port().to_string(),
    });
    json!({"sidecar": {"image": "registry.example.com/rolebridge-sidecar:1"}, "settings": settings})
        .to_string()
}

/// Sets the program and the addresses of the fakes in the first container.
fn with_app(mut pod: Value, clouds: &Clouds) -> Value {
    let container = &mut pod["spec"]["containers"][0];
    container["name"] = json!(APP);
    container["command"] = json!([APP_PROGRAM]);
    container["env"] = json!([
        {"name": env_vars::QUERY, "value": "SELECT * FROM sales.orders_by_day"},
        {"name": env_vars::BIGQUERY, "value": clouds.bigquery()},
        {"name": "SSL_CERT_FILE", "value": "/etc/clouds/ca.crt"},
    ]);
    let mount = json!({"name": "clouds", "mountPath": "/etc/clouds", "readOnly": true});
    let volume = json!({"name": "clouds", "configMap": {"name": "clouds"}});
    add_named(&mut pod["spec"]["containers"][0]["volumeMounts"], mount);
    add_named(&mut pod["spec"]["volumes"], volume);
    pod
}

/// Adds an item to a list, unless it has one of that name.
fn add_named(list: &mut Value, item: Value) {
    if list.is_null() {
        *list = json!([]);
    }
    let list = list.as_array_mut().unwrap();
    if !list.iter().any(|known| known["name"] == item["name"]) {
        list.push(item);
    }
}

fn node(operator: &Operator, programs: &Programs) -> Node {
    let ca = BTreeMap::from([("ca.crt".to_owned(), operator.clouds.ca_pem().to_owned())]);
    let (clouds, issuer) = (Arc::clone(&operator.clouds), operator.issuer.clone());
    Node {
        programs: BTreeMap::from([
            (PROGRAM.to_owned(), vec![programs.sidecar.clone().into()]),
            (APP_PROGRAM.to_owned(), vec![env!("CARGO_BIN_EXE_nightly-report").into()]),
        ]),
        config_maps: BTreeMap::from([("clouds".to_owned(), ca.clone()), ("kube-root-ca.crt".to_owned(), ca)]),
        token_issuer: Arc::new(move |request: &TokenRequest| {
            let audience = request.audience.as_deref().unwrap_or("https://kubernetes.default.svc");
            Ok(token(&clouds, &issuer, audience))
        }),
    }
}

/// Issues a token of the service account, valid for an hour.
pub(crate) fn token(clouds: &Clouds, issuer: &str, audience: &str) -> String {
    let token = ProjectedToken {
        namespace: NAMESPACE,
        service_account: SERVICE_ACCOUNT,
        audiences: &[audience],
        lifetime: 3_600,
        pod: Some("batch-x7b2q"),
    };
    clouds.issuer(issuer).unwrap().mint(&token, clouds.aws_clock().now()).unwrap()
}
