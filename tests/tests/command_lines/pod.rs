//! The main job: a pod is injected by the real webhook, and reads rows with Google's own library.

use std::collections::BTreeMap;
use std::sync::Arc;

use rolebridge_core::annotations::PROJECT as PROJECT_ANNOTATION;
use rolebridge_core::pod_names::PROGRAM;
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

/// Runs the Deployment's pod with a service account of these annotations, and asserts that the app reads the rows.
pub(crate) async fn reads_rows(operator: &Operator, account: &Value, deployment: &Value) {
    let programs = programs().await;
    let clouds = &operator.clouds;
    let api_server = FakeApiServer::start().await.unwrap();
    api_server.put_namespace(NAMESPACE, &json!({"kubernetes.io/metadata.name": NAMESPACE}), &json!({}));
    api_server.put_service_account(NAMESPACE, SERVICE_ACCOUNT, account);
    let webhook = Webhook::start(&programs.webhook, &api_server, &defaults(clouds)).await.unwrap();
    let pod = deployment::to_pod(deployment).unwrap();
    let pod = with_app(pod, clouds);
    let response = webhook.mutate(&review::for_pod(&pod)).await.unwrap();
    assert!(response.allowed && response.patch.is_some(), "{response:?}");
    let pod = Pod::create(&node(operator, programs), &response.apply(&pod).unwrap()).unwrap();
    let mut running = pod.run(TIMEOUT).await.unwrap();
    let app = running.process(APP).unwrap();
    let status = app.wait(TIMEOUT).await.unwrap();
    let results: Vec<RunResult> =
        app.log().lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rows = [["2026-11-21", "1204"], ["2026-11-22", "1398"]];
    let rows = rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
    assert_eq!(results, [RunResult::Rows(rows)], "{:#?}", clouds.events());
    assert!(status.success());
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
