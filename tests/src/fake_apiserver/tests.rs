//! Tests of the fake API server through its HTTP interface.

use reqwest::{Client, Method, Response, StatusCode};

use super::*;

const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

async fn send_get(api_server: &FakeApiServer, accept: &str, path: &str) -> Response {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}{path}", api_server.url());
    Client::new().get(url).header("accept", accept).send().await.unwrap()
}

async fn json(response: Response) -> Value {
    response.json().await.unwrap()
}

fn role(arn: &str) -> Value {
    json!({"eks.amazonaws.com/role-arn": arn})
}

async fn server_with_accounts(names: &[&str]) -> FakeApiServer {
    let api_server = FakeApiServer::start().await.unwrap();
    for name in names {
        api_server.put_service_account("shop", name, &role(name));
    }
    api_server
}

/// Reader of the lines of a watch.
struct Lines(Response, Vec<u8>);

impl Lines {
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.1.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.1.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            self.1.extend(self.0.chunk().await.unwrap()?);
        }
    }
}

async fn watch(api_server: &FakeApiServer, query: &str) -> Lines {
    let path = format!("/api/v1/serviceaccounts?watch=true&{query}");
    Lines(send_get(api_server, METADATA, &path).await, Vec::new())
}

fn summary(event: &Value) -> String {
    let metadata = &event["object"]["metadata"];
    format!("{} {} {}", event["type"], metadata["name"], metadata["resourceVersion"]).replace('"', "")
}

#[tokio::test]
async fn list_pages_are_of_one_snapshot() {
    let api_server = server_with_accounts(&["a", "b", "c"]).await;
    let first = json(send_get(&api_server, METADATA_LIST, "/api/v1/serviceaccounts?limit=2").await).await;
    assert_eq!(first["kind"], "PartialObjectMetadataList");
    assert_eq!(first["items"][1]["metadata"]["name"], "b");
    assert_eq!(first["items"][1]["kind"], "PartialObjectMetadata");
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    api_server.delete(Kind::ServiceAccount, "shop", "c");
    let next = format!(
        "/api/v1/serviceaccounts?limit=2&continue={}",
        first["metadata"]["continue"].as_str().unwrap()
    );
    let second = json(send_get(&api_server, METADATA_LIST, &next).await).await;
    assert_eq!(second["items"][0]["metadata"]["name"], "c");
    assert_eq!(second["metadata"], json!({"resourceVersion": "3"}));
    api_server.compact();
    assert_eq!(send_get(&api_server, METADATA_LIST, &next).await.status(), StatusCode::GONE);
    assert_eq!(api_server.request_counts(), RequestCounts { lists: 3, watches: 0, gets: 0, writes: 0 });
}

#[tokio::test]
async fn watch_sends_changes() {
    let api_server = server_with_accounts(&["a"]).await;
    api_server.put_namespace("shop", &json!({}), &json!({}));
    let mut events = watch(&api_server, "resourceVersion=2&allowWatchBookmarks=true&timeoutSeconds=60").await;
    api_server.put_service_account("shop", "a", &role("new"));
    api_server.put_service_account("shop", "b", &role("b"));
    api_server.delete(Kind::ServiceAccount, "shop", "a");
    for expected in ["MODIFIED a 3", "ADDED b 4", "DELETED a 5"] {
        assert_eq!(summary(&events.next().await.unwrap()), expected);
    }
}

#[tokio::test]
async fn watch_with_initial_events_ends_them_with_a_bookmark() {
    let api_server = server_with_accounts(&["a", "b"]).await;
    let mut events =
        watch(&api_server, "resourceVersion=0&sendInitialEvents=true&resourceVersionMatch=NotOlderThan")
            .await;
    assert_eq!(summary(&events.next().await.unwrap()), "ADDED a 1");
    assert_eq!(summary(&events.next().await.unwrap()), "ADDED b 2");
    let bookmark = events.next().await.unwrap();
    assert_eq!(summary(&bookmark), "BOOKMARK null 2");
    assert_eq!(bookmark["object"]["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
}

#[tokio::test]
async fn watch_ends_at_its_timeout() {
    let api_server = server_with_accounts(&["a"]).await;
    let mut events = watch(&api_server, "resourceVersion=1&timeoutSeconds=0").await;
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn watch_from_a_compacted_version_gets_410() {
    let api_server = server_with_accounts(&["a", "b"]).await;
    api_server.compact();
    let mut events = watch(&api_server, "resourceVersion=1").await;
    assert_eq!(events.next().await.unwrap()["object"]["code"], 410);
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn paused_watches_lag_behind_reads() {
    let api_server = server_with_accounts(&["a"]).await;
    api_server.pause_watches(true);
    let mut events = watch(&api_server, "resourceVersion=1&timeoutSeconds=60").await;
    api_server.put_service_account("shop", "a", &role("new"));
    let path = "/api/v1/namespaces/shop/serviceaccounts/a";
    let read = json(send_get(&api_server, METADATA, path).await).await;
    assert_eq!(read["metadata"]["annotations"], role("new"));
    assert_eq!(json(send_get(&api_server, "application/json", path).await).await["kind"], "ServiceAccount");
    api_server.pause_watches(false);
    assert_eq!(summary(&events.next().await.unwrap()), "MODIFIED a 2");
}

async fn write(
    api_server: &FakeApiServer,
    method: Method,
    content: &str,
    path: &str,
    body: &Value,
) -> (u16, Value) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}{path}", api_server.url());
    let request = Client::new().request(method, url).header("content-type", content).body(body.to_string());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), json(response).await)
}

#[tokio::test]
async fn replace_of_an_outdated_version_conflicts() {
    let api_server = FakeApiServer::start().await.unwrap();
    api_server.put(Kind::Secret, "system", "a", json!({"type": "Opaque"}));
    let path = "/api/v1/namespaces/system/secrets/a";
    let put = |object: Value| {
        let api_server = &api_server;
        async move { write(api_server, Method::PUT, "application/json", path, &object).await }
    };
    let mut read = json(send_get(&api_server, "application/json", path).await).await;
    assert_eq!((&read["kind"], &read["apiVersion"]), (&json!("Secret"), &json!("v1")));
    read["data"] = json!({"k": "dg=="});
    let (status, written) = put(read.clone()).await;
    assert_eq!((status, &written["metadata"]["uid"]), (200, &read["metadata"]["uid"]));
    assert_ne!(written["metadata"]["resourceVersion"], read["metadata"]["resourceVersion"]);
    assert_eq!(put(read).await.0, 409);
    assert_eq!(put(written).await.0, 200);
    api_server.delete(Kind::Secret, "system", "a");
    assert_eq!(put(json!({})).await.0, 404);
    assert_eq!(api_server.request_counts().writes, 4);
}

#[tokio::test]
async fn patch_of_an_outdated_version_conflicts() {
    let api_server = FakeApiServer::start().await.unwrap();
    let kind = Kind::MutatingWebhookConfiguration;
    api_server.put(kind, "", "a", json!({"webhooks": [{"name": "pods"}]}));
    let patch = |content: &'static str, operations: Value| {
        let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/a";
        let api_server = &api_server;
        async move { write(api_server, Method::PATCH, content, path, &operations).await.0 }
    };
    let add = json!({"op": "add", "path": "/webhooks/0/x", "value": 1});
    let test = |name: &str| json!({"op": "test", "path": "/webhooks/0/name", "value": name});
    let version =
        |version: &str| json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version});
    let content = "application/json-patch+json";
    for (operations, status) in [
        (json!([version("7"), add]), 409),
        (json!([test("other"), add]), 422),
        (json!([version("1"), test("pods"), add]), 200),
        (json!([version("1"), add]), 409),
    ] {
        assert_eq!(patch(content, operations.clone()).await, status, "{operations}");
    }
    assert_eq!(patch("application/merge-patch+json", json!({})).await, 415);
    assert_eq!(api_server.read(kind, "", "a").unwrap()["webhooks"], json!([{"name": "pods", "x": 1}]));
}

#[tokio::test]
async fn outages_and_unknown_requests_return_kubernetes_statuses() {
    let api_server = server_with_accounts(&["a"]).await;
    let missing =
        json(send_get(&api_server, METADATA, "/api/v1/namespaces/shop/serviceaccounts/z").await).await;
    assert_eq!(missing["message"], "serviceaccounts \"z\" not found");
    let unknown = send_get(&api_server, METADATA_LIST, "/api/v1/serviceaccounts?labelSelector=a").await;
    assert_eq!(unknown.status(), StatusCode::BAD_REQUEST);
    for (outage, code) in [(Outage::Unavailable, 503), (Outage::Forbidden, 403)] {
        api_server.set_outage(Some(outage));
        assert_eq!(
            json(send_get(&api_server, METADATA_LIST, "/api/v1/namespaces").await).await["code"],
            code
        );
    }
    api_server.set_outage(None);
    assert_eq!(send_get(&api_server, METADATA_LIST, "/api/v1/namespaces").await.status(), StatusCode::OK);
}
