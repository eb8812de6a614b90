//! `explain` of what a cluster holds: a Kubernetes API of canned answers, and the kubeconfig that leads to it.

use std::io::Write;
use std::net::TcpListener;

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::fake_api::Api;
use crate::program::Asked;

const MAPS: &str = "/api/v1/configmaps";

fn serve(objects: Vec<Value>, forbidden: &[&str]) -> NamedTempFile {
    let forbidden = forbidden.iter().map(|path| (*path).to_owned()).collect();
    Api { objects, forbidden, ..Api::default() }.serve()
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

fn cluster() -> Vec<Value> {
    let defaults = std::fs::read_to_string(crate::program::here("tests/cases/defaults.yml")).unwrap();
    let map = |name: &str, labels: Value, defaults: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"defaults.yaml": defaults},
            "metadata": {"name": name, "namespace": "rolebridge-system", "labels": labels}})
    };
    let labels = json!({"helm.sh/chart": "rolebridge-1.2.0", "app.kubernetes.io/component": "webhook"});
    vec![
        deployment(),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "batch", "namespace": "shop",
            "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/nightly-batch"}}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop",
            "labels": {"rolebridge.io/inject": "enabled"},
            "annotations": {"rolebridge.io/quota-project": "shop-billing"}}}),
        map("rolebridge-defaults", labels, &defaults),
        map("other", json!({"helm.sh/chart": "other-1"}), "a"),
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
    objects.retain(|object| object["kind"] != "ConfigMap");
    let uninstalled = asked(&serve(objects.clone(), &[]), &["explain", "deployment/batch"]);
    objects.retain(|object| object["kind"] != "ServiceAccount");
    objects[0]["spec"]["template"]["metadata"]["annotations"] = json!({"rolebridge.io/inject": "true"});
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
