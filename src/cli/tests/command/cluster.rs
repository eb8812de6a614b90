//! `explain` of objects in a fake cluster.

use std::io::Write;
use std::net::TcpListener;

use insta::assert_snapshot;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::fake_api::{Api, CONFIGURATIONS};
use crate::program::{Invocation, crate_path};

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

fn configuration(namespace: &str) -> Value {
    let service = json!({"namespace": namespace, "name": "rolebridge"});
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": format!("rolebridge-{namespace}"), "labels": {"app.kubernetes.io/component": "webhook"}},
        "webhooks": [{"name": "pods.rolebridge.io", "clientConfig": {"service": service}, "sideEffects": "None",
            "admissionReviewVersions": ["v1"]}],
    })
}

/// Returns a ConfigMap of a tenant that looks like the defaults of a release.
fn forged_defaults(name: &str) -> Value {
    let labels = json!({"helm.sh/chart": "rolebridge-1.2.0", "app.kubernetes.io/component": "webhook"});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"defaults.yaml": "sidecar: {image: forged}"},
        "metadata": {"name": name, "namespace": "shop", "labels": labels}})
}

fn cluster() -> Vec<Value> {
    let defaults = std::fs::read_to_string(crate_path("tests/cases/defaults.yml")).unwrap();
    let map = |name: &str, labels: Value, defaults: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"defaults.yaml": defaults},
            "metadata": {"name": name, "namespace": "rolebridge-system", "labels": labels}})
    };
    let labels = json!({"helm.sh/chart": "rolebridge-1.2.0", "app.kubernetes.io/component": "webhook"});
    vec![
        configuration("rolebridge-system"),
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

fn transcript_with(config: &NamedTempFile, arguments: &[&str]) -> String {
    Invocation::new(arguments).kubeconfig(config).transcript()
}

#[test]
fn explain_reads_objects_and_defaults_from_cluster() {
    let config = serve(cluster(), &[]);
    let transcript = transcript_with(&config, &["explain", "deployment/batch"]);
    assert_snapshot!("explain", transcript);
    let same = transcript_with(&config, &["explain", "deploy/batch", "-n", "shop", "--context", "here"]);
    assert_eq!(transcript.split_once('\n').unwrap().1, same.split_once('\n').unwrap().1);
}

#[test]
fn explain_ignores_defaults_of_a_tenant() {
    let transcript = |objects| transcript_with(&serve(objects, &[]), &["explain", "deployment/batch"]);
    for name in ["rolebridge-defaults", "another-defaults"] {
        let mut objects = cluster();
        objects.insert(0, forged_defaults(name));
        assert_eq!(transcript(objects.clone()), transcript(cluster()));
        objects.retain(|object| object["metadata"]["namespace"] != "rolebridge-system");
        let without = transcript(objects);
        assert!(
            without.contains("ConfigMap/rolebridge-defaults in the namespace rolebridge-system"),
            "{without}"
        );
    }
    let only_forged = vec![deployment(), forged_defaults("rolebridge-defaults")];
    let only_forged = transcript(only_forged);
    assert!(
        only_forged.contains("expected a release of the chart in the cluster, found none"),
        "{only_forged}"
    );
}

#[test]
fn explain_with_several_releases_needs_release_namespace() {
    let mut objects = cluster();
    objects.push(configuration("second"));
    let config = serve(objects, &[]);
    let several = transcript_with(&config, &["explain", "deployment/batch"]);
    assert!(several.contains("or select one with --release-namespace."), "{several}");
    let named = &["explain", "deployment/batch", "--release-namespace", "rolebridge-system"];
    assert!(transcript_with(&config, named).ends_with("[0]\n"));
}

/// Returns a cluster with two releases that select pods by `selectors`. The defaults of the second one have another project.
fn with_two_releases(selectors: [&Value; 2]) -> Vec<Value> {
    let mut objects = cluster();
    let defaults =
        "settings: {provider: projects/2/locations/global/workloadIdentityPools/pool/providers/canary}";
    objects.push(configuration("canary"));
    objects.push(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"defaults.yaml": defaults},
        "metadata": {"name": "rolebridge-defaults", "namespace": "canary"}}));
    for (name, selectors) in ["rolebridge-system", "canary"].into_iter().zip(selectors) {
        let is_its = |object: &&mut Value| object["metadata"]["name"] == format!("rolebridge-{name}");
        let configuration = objects.iter_mut().find(is_its).unwrap();
        for (field, selector) in selectors.as_object().unwrap() {
            configuration["webhooks"][0][field] = selector.clone();
        }
    }
    let deployment = objects.iter_mut().find(|object| object["kind"] == "Deployment").unwrap();
    deployment["spec"]["template"]["metadata"]["labels"] = json!({"tier": "web"});
    objects
}

#[rstest]
#[case::namespace(json!({"namespaceSelector": {"matchLabels": {"release": "canary"}}}))]
#[case::name(json!({"namespaceSelector": {"matchExpressions": [
    {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["shop"]}]}}))]
#[case::pod(json!({"objectSelector": {"matchLabels": {"tier": "db"}}}))]
fn explain_and_doctor_find_the_release_that_selects_the_pod(#[case] elsewhere: Value) {
    let any = json!({});
    let explain = |selectors, arguments: &[&str]| {
        let config = serve(with_two_releases(selectors), &[]);
        transcript_with(&config, &[&["explain", "deployment/batch"], arguments].concat())
    };
    let first = explain([&any, &elsewhere], &[]);
    assert!(first.contains("aws-pool/providers/prod") && first.ends_with("[0]\n"), "{first}");
    let second = explain([&elsewhere, &any], &[]);
    assert!(second.contains("providers/canary") && !second.contains("warning: API servers"), "{second}");
    let none = explain([&elsewhere, &elsewhere], &[]);
    let message = "no webhook configuration of canary/rolebridge, rolebridge-system/rolebridge selects it in the namespace shop";
    assert!(none.contains(message) && none.ends_with("[2]\n"), "{none}");
    let named = explain([&any, &elsewhere], &["--release-namespace", "canary"]);
    let warning = "warning: API servers do not call Rolebridge for the pod: no webhook configuration of canary/rolebridge selects it";
    assert!(named.contains(warning) && named.contains("providers/canary"), "{named}");
    let both = explain([&any, &any], &[]);
    assert!(both.contains("found canary/rolebridge, rolebridge-system/rolebridge. Fix:"), "{both}");
}

#[test]
fn explain_of_a_pod_that_did_not_opt_in_has_no_warning_about_selectors() {
    let elsewhere = json!({"namespaceSelector": {"matchLabels": {"release": "canary"}}});
    let mut objects = with_two_releases([&elsewhere, &json!({})]);
    objects.retain(|object| object["kind"] != "Namespace");
    let config = serve(objects, &[]);
    let arguments = ["explain", "deployment/batch", "--release-namespace", "rolebridge-system"];
    let transcript = transcript_with(&config, &arguments);
    assert!(!transcript.contains("API servers do not call"), "{transcript}");
}

#[test]
fn several_releases_with_conditions_may_be_kept_apart() {
    let conditions = json!({"matchConditions": [{"name": "not-a-daemon", "expression": "true"}]});
    let config = serve(with_two_releases([&json!({}), &conditions]), &[]);
    let transcript = transcript_with(&config, &["explain", "deployment/batch"]);
    assert!(transcript.contains("unless admission.matchConditions keep them apart"), "{transcript}");
}

#[test]
fn explain_without_permission_for_configurations_needs_release_namespace() {
    let config = serve(cluster(), &[CONFIGURATIONS]);
    let forbidden = transcript_with(&config, &["explain", "deployment/batch"]);
    let named = &["explain", "deployment/batch", "--release-namespace", "rolebridge-system"];
    assert!(transcript_with(&config, named).ends_with("[0]\n"));
    let from_a_file = &["explain", "deployment/batch", "--defaults", "defaults.yml"];
    assert!(transcript_with(&config, from_a_file).ends_with("[0]\n"));
    assert_snapshot!("explain-forbidden", forbidden);
}

#[test]
fn explain_reports_missing_objects() {
    let mut objects = cluster();
    let absent = transcript_with(&serve(objects.clone(), &[]), &["explain", "deployment/other"]);
    objects.retain(|object| object["kind"] != "MutatingWebhookConfiguration");
    let uninstalled = transcript_with(&serve(objects.clone(), &[]), &["explain", "deployment/batch"]);
    objects.retain(|object| object["kind"] != "ServiceAccount");
    objects[0]["spec"]["template"]["metadata"]["annotations"] = json!({"rolebridge.io/inject": "true"});
    let no_account = &["explain", "deployment/batch", "--defaults", "defaults.yml"];
    let no_account = transcript_with(&serve(objects, &[]), no_account);
    let no_config = Invocation::new(&["explain", "pod/a"]).env("KUBECONFIG", "absent").transcript();
    assert_snapshot!("explain-missing-objects", [absent, uninstalled, no_account, no_config].join("\n"));
}

/// Returns objects with variables and limits, for a Deployment that reads the variables.
fn with_env_objects_and_limits() -> Vec<Value> {
    let mut objects = cluster();
    let env_from = json!([{"configMapRef": {"name": "gcp-settings"}}, {"secretRef": {"name": "aws-keys"}},
        {"secretRef": {"name": "absent"}}, {"configMapRef": {"name": "optional", "optional": true}},
        {"prefix": "SHOP_", "secretRef": {"name": "unread"}}]);
    let template = objects.iter_mut().find(|object| object["kind"] == "Deployment").unwrap();
    template["spec"]["template"]["spec"]["containers"][0]["envFrom"] = env_from;
    let metadata = |name: &str| json!({"name": name, "namespace": "shop"});
    objects.extend([
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("gcp-settings"),
            "data": {"GOOGLE_APPLICATION_CREDENTIALS": "/secrets/key.json"}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata("aws-keys"),
            "data": {"AWS_ACCESS_KEY_ID": "bmV2ZXItcHJpbnRlZA=="}}),
        json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata("floor"),
            "spec": {"limits": [{"type": "Container", "min": {"memory": "32Mi"}}]}}),
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata("team"),
            "spec": {"hard": {"requests.cpu": "1"}}, "status": {"used": {"requests.cpu": "1"}}}),
    ]);
    objects
}

const SECRET: &str = "/api/v1/namespaces/shop/secrets/aws-keys";
const LIMIT_RANGES: &str = "/api/v1/namespaces/shop/limitranges";

#[test]
fn explain_reads_variables_and_limits_from_cluster() {
    let warnings = |forbidden: &[&str]| {
        let config = serve(with_env_objects_and_limits(), forbidden);
        let transcript = transcript_with(&config, &["explain", "deployment/batch"]);
        assert!(!transcript.contains("bmV2ZXI") && !transcript.contains("unread"), "{transcript}");
        let warnings: Vec<_> = transcript.lines().filter(|line| line.contains("warning:")).collect();
        warnings.join("\n")
    };
    let forbidden = [SECRET, LIMIT_RANGES];
    assert_snapshot!("explain-objects", [warnings(&[]), warnings(&forbidden)].join("\n\n"));
}

#[test]
fn explain_with_an_overloaded_api_server_prints_its_message() {
    let unavailable = vec![CONFIGURATIONS.to_owned()];
    let config = Api { objects: cluster(), unavailable, ..Api::default() }.serve();
    let transcript = transcript_with(&config, &["explain", "deployment/batch"]);
    let message = "the server is currently unable to handle the request";
    assert!(transcript.contains(message), "{transcript}");
}

#[test]
fn failed_connection_reports_its_cause() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut config = NamedTempFile::new().unwrap();
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": format!("https://{free}")}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    });
    write!(config, "{text}").unwrap();
    let transcript = transcript_with(&config, &["explain", "pod/a"]);
    let has_cause = transcript.contains("Connection refused");
    assert!(transcript.contains("Pod/a in the namespace default") && has_cause, "{transcript}");
}
