//! `explain` of what a cluster holds: a Kubernetes API of canned answers, and the kubeconfig that leads to it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::program::Asked;

const MAPS: &str = "/api/v1/configmaps";
const MAPS_OF_RELEASE: &str = "/api/v1/namespaces/rolebridge-system/configmaps";

/// Answers each path with its object, all else with 404, and forbidden paths with 403.
fn serve(objects: Vec<(&'static str, Value)>, forbidden: &'static [&'static str]) -> NamedTempFile {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &objects, forbidden);
        }
    });
    let mut config = NamedTempFile::new().unwrap();
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "shop"}}],
    });
    write!(config, "{text}").unwrap();
    config
}

fn answer(mut stream: TcpStream, objects: &[(&str, Value)], forbidden: &[&str]) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let head: Vec<_> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    let path = head[0].split(' ').nth(1).unwrap().split('?').next().unwrap();
    let status = |code: u16, reason: &str, message: String| json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message});
    let found = objects.iter().find(|(known, _)| *known == path).map(|(_, object)| object.clone());
    let (code, body) = match found {
        _ if forbidden.contains(&path) => (403, status(403, "Forbidden", format!("you may not read {path}"))),
        Some(object) => (200, object),
        None => (404, status(404, "NotFound", format!("{path} not found"))),
    };
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "batch", "namespace": "shop"},
        "spec": {"template": {
            "metadata": {"annotations": {"rolebridge.io/project": "shop-data"}},
            "spec": {"serviceAccountName": "batch", "containers": [{"name": "app", "image": "app"}]},
        }},
    })
}

fn cluster() -> Vec<(&'static str, Value)> {
    let defaults = std::fs::read_to_string(crate::program::here("tests/cases/defaults.yml")).unwrap();
    let labels = json!({"app.kubernetes.io/component": "webhook"});
    let map = json!({"metadata": {"name": "rolebridge-defaults", "labels": labels}, "data": {"defaults.yaml": defaults}});
    let other = json!({"metadata": {"name": "other", "labels": labels}, "data": {"defaults.yaml": "a"}});
    let maps = json!({"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {}, "items": [other, map]});
    vec![
        ("/apis/apps/v1/namespaces/shop/deployments/batch", deployment()),
        (
            "/api/v1/namespaces/shop/serviceaccounts/batch",
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "batch", "namespace": "shop",
                "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/nightly-batch"}}}),
        ),
        (
            "/api/v1/namespaces/shop",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop",
                "labels": {"rolebridge.io/inject": "enabled"},
                "annotations": {"rolebridge.io/quota-project": "shop-billing"}}}),
        ),
        (MAPS, maps.clone()),
        (MAPS_OF_RELEASE, maps),
    ]
}

fn asked(config: &NamedTempFile, arguments: &[&str]) -> String {
    Asked::new(arguments).env("KUBECONFIG", config.path().to_str().unwrap()).transcript()
}

#[test]
fn what_decides_is_read_from_the_cluster() {
    let config = serve(cluster(), &[]);
    let said = asked(&config, &["explain", "deployment/batch"]);
    assert_snapshot!("live", said);
    let same = asked(&config, &["explain", "deploy/batch", "-n", "shop", "--context", "here"]);
    assert_eq!(said.split_once('\n').unwrap().1, same.split_once('\n').unwrap().1);
}

#[test]
fn who_may_not_read_every_namespace_names_that_of_the_release() {
    let config = serve(cluster(), &[MAPS]);
    let forbidden = asked(&config, &["explain", "deployment/batch"]);
    let named = &["explain", "deployment/batch", "--release-namespace", "rolebridge-system"];
    assert!(asked(&config, named).ends_with("[0]\n"));
    let from_a_file = &["explain", "deployment/batch", "--defaults", "defaults.yml"];
    assert!(asked(&config, from_a_file).ends_with("[0]\n"));
    assert_snapshot!("live-forbidden", forbidden);
}

#[test]
fn what_the_cluster_lacks_is_said() {
    let mut objects = cluster();
    let absent = asked(&serve(objects.clone(), &[]), &["explain", "deployment/other"]);
    objects.retain(|(path, _)| *path != MAPS);
    objects.push((MAPS, json!({"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {}, "items": []})));
    let uninstalled = asked(&serve(objects.clone(), &[]), &["explain", "deployment/batch"]);
    objects.retain(|(path, _)| !path.contains("serviceaccounts"));
    objects[0].1["spec"]["template"]["metadata"]["annotations"] = json!({"rolebridge.io/inject": "true"});
    let no_account = &["explain", "deployment/batch", "--defaults", "defaults.yml"];
    let no_account = asked(&serve(objects, &[]), no_account);
    let no_config = Asked::new(&["explain", "pod/a"]).env("KUBECONFIG", "absent").transcript();
    assert_snapshot!("live-lacks", [absent, uninstalled, no_account, no_config].join("\n"));
}

#[test]
fn a_connection_that_fails_says_why() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut config = NamedTempFile::new().unwrap();
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": format!("https://{free}")}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    });
    write!(config, "{text}").unwrap();
    let said = asked(&config, &["explain", "pod/a"]);
    assert!(said.contains("Pod/a in the namespace default") && said.contains("Connection refused"), "{said}");
}
