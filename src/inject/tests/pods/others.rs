//! The changes of other webhooks that may affect Rolebridge.

use rolebridge_core::pod_names::CONTAINER;
use serde_json::{Value, json};

/// Kuma with its CNI plugin and native sidecars, which appends its containers.
///
/// Source: `pkg/plugins/runtime/k8s/webhooks/injector` of kumahq/kuma.
pub(crate) fn kuma_native(pod: &mut Value) {
    push(&mut pod["spec"]["initContainers"], json!({"name": "kuma-validation", "image": "kuma-init:2"}));
    let proxy = json!({"name": "kuma-sidecar", "image": "kuma-dp:2", "restartPolicy": "Always"});
    push(&mut pod["spec"]["initContainers"], proxy);
}

/// A VPN of the platform team, which is appended.
pub(crate) fn vpn(pod: &mut Value) {
    let vpn = json!({
        "name": "corp-uplink",
        "image": "corp/uplink:1",
        "restartPolicy": "Always",
        "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
    });
    push(&mut pod["spec"]["initContainers"], vpn);
}

/// EKS's pod identity webhook with a role: it adds the environment, the volume and the mount to every container, including
/// init containers and sidecars, and keeps existing values.
///
/// Source: `pkg/handler/handler.go` of aws/amazon-eks-pod-identity-webhook.
pub(crate) fn eks(pod: &mut Value) {
    let named = |list: &Value, name: &str| {
        list.as_array().is_some_and(|list| list.iter().any(|element| element["name"] == name))
    };
    for container in each(pod) {
        let has = |name: &str| named(&container["env"], name);
        let (region, sts) =
            (has("AWS_REGION") || has("AWS_DEFAULT_REGION"), has("AWS_STS_REGIONAL_ENDPOINTS"));
        let role = has("AWS_ROLE_ARN") || has("AWS_WEB_IDENTITY_TOKEN_FILE");
        let token = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
        for (is_set, name, value) in [
            (sts, "AWS_STS_REGIONAL_ENDPOINTS", "regional"),
            (region, "AWS_DEFAULT_REGION", "eu-west-1"),
            (region, "AWS_REGION", "eu-west-1"),
            (role, "AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/nightly-batch"),
            (role, "AWS_WEB_IDENTITY_TOKEN_FILE", token),
        ] {
            if !is_set {
                push(&mut container["env"], json!({"name": name, "value": value}));
            }
        }
        if !named(&container["volumeMounts"], "aws-iam-token") {
            let path = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
            let mount = json!({"name": "aws-iam-token", "mountPath": path, "readOnly": true});
            push(&mut container["volumeMounts"], mount);
        }
    }
    if !named(&pod["spec"]["volumes"], "aws-iam-token") {
        let token = json!({"audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"});
        let sources = json!([{"serviceAccountToken": token}]);
        push(
            &mut pod["spec"]["volumes"],
            json!({"name": "aws-iam-token", "projected": {"sources": sources}}),
        );
    }
}

/// EKS's pod identity webhook for a service account with an association: the same webhook with other variables.
///
/// Source: like [`eks`].
pub(crate) fn eks_association(pod: &mut Value) {
    let has = |list: &Value, name: &str| {
        list.as_array().is_some_and(|list| list.iter().any(|element| element["name"] == name))
    };
    let path = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount";
    for container in each(pod) {
        for (name, value) in [
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials".to_owned()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", format!("{path}/eks-pod-identity-token")),
        ] {
            if !has(&container["env"], name) {
                push(&mut container["env"], json!({"name": name, "value": value}));
            }
        }
        if !has(&container["volumeMounts"], "eks-pod-identity-token") {
            let mount = json!({"name": "eks-pod-identity-token", "mountPath": path, "readOnly": true});
            push(&mut container["volumeMounts"], mount);
        }
    }
    if !has(&pod["spec"]["volumes"], "eks-pod-identity-token") {
        let token = json!({"audience": "pods.eks.amazonaws.com", "expirationSeconds": 86400, "path": "eks-pod-identity-token"});
        let sources = json!([{"serviceAccountToken": token}]);
        push(
            &mut pod["spec"]["volumes"],
            json!({"name": "eks-pod-identity-token", "projected": {"sources": sources}}),
        );
    }
}

/// Istio with a native proxy: both of its containers are the first ones.
pub(crate) fn istio_native(pod: &mut Value) {
    let proxy = json!({"name": "istio-proxy", "image": ISTIO, "restartPolicy": "Always",
        "securityContext": {"runAsUser": 1337}});
    insert(pod, "initContainers", 0, istio_init());
    insert(pod, "initContainers", 1, proxy);
}

/// Istio with a native proxy, unless the pod already has one.
pub(crate) fn istio_native_if_missing(pod: &mut Value) {
    let exists =
        each(pod).any(|container| container["name"].as_str().is_some_and(|name| name.starts_with("istio-")));
    if !exists {
        istio_native(pod);
    }
}

/// Istio with a proxy that is an ordinary container, the first one.
pub(crate) fn istio_classic(pod: &mut Value) {
    insert(pod, "initContainers", 0, istio_init());
    insert(pod, "containers", 0, json!({"name": "istio-proxy", "image": ISTIO}));
}

const ISTIO: &str = "docker.io/istio/proxyv2:1.27.0";

fn istio_init() -> Value {
    json!({"name": "istio-init", "image": ISTIO, "args": ["istio-iptables"], "securityContext": {"runAsUser": 0}})
}

/// Linkerd with a native proxy.
pub(crate) fn linkerd_native(pod: &mut Value) {
    let init = json!({"name": "linkerd-init", "image": "cr.l5d.io/linkerd/proxy-init:v2.5.0"});
    let proxy = json!({"name": "linkerd-proxy", "image": "cr.l5d.io/linkerd/proxy:edge-26.8.1",
        "restartPolicy": "Always"});
    insert(pod, "initContainers", 0, init);
    insert(pod, "initContainers", 1, proxy);
}

/// Vault's agent as the first container of each list.
pub(crate) fn vault_in_front(pod: &mut Value) {
    let image = "hashicorp/vault:1.20.2";
    insert(pod, "initContainers", 0, json!({"name": "vault-agent-init", "image": image}));
    insert(
        pod,
        "containers",
        0,
        json!({"name": "vault-agent", "image": image,
        "env": [{"name": "VAULT_LOG_LEVEL", "value": "info"}]}),
    );
}

/// A registry mirror, a resource policy and a security policy, which change every container.
pub(crate) fn policies(pod: &mut Value) {
    for container in each(pod) {
        let image = container["image"].as_str().unwrap_or("scratch").to_owned();
        container["image"] = json!(format!("mirror.example.internal/{image}"));
        container["imagePullPolicy"] = json!("Always");
        container["resources"] =
            json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1m", "memory": "1Mi"}});
        container["securityContext"] = json!({"runAsUser": 4711, "runAsNonRoot": true});
        container["terminationMessagePolicy"] = json!("FallbackToLogsOnError");
        push(&mut container["env"], json!({"name": "CLUSTER", "value": "blue"}));
    }
}

/// A later webhook that changes the source.
pub(crate) fn source_metadata_host(pod: &mut Value) {
    pod["metadata"]["annotations"]["rolebridge.io/source"] = json!("metadata-host");
}

/// A later webhook that changes the source and adds a container.
pub(crate) fn source_metadata(pod: &mut Value) {
    pod["metadata"]["annotations"]["rolebridge.io/source"] = json!("file,late=metadata");
    push(
        &mut pod["spec"]["containers"],
        json!({"name": "late", "image": "registry.example.com/base/late:1"}),
    );
}

/// A later webhook that redirects the app to another server.
pub(crate) fn tamper(pod: &mut Value) {
    let annotations = pod["metadata"]["annotations"].as_object_mut().unwrap();
    let document = r#"{"type":"external_account","token_url":"https://evil.example.com/v1/token"}"#;
    annotations.insert("rolebridge.io/config-loopback".to_owned(), json!(document));
    annotations.remove("rolebridge.io/status");
}

/// The API server, which sets defaults.
pub(crate) fn api_server(pod: &mut Value) {
    for container in each(pod) {
        for (key, value) in [
            ("terminationMessagePath", json!("/dev/termination-log")),
            ("terminationMessagePolicy", json!("File")),
            ("imagePullPolicy", json!("IfNotPresent")),
        ] {
            container.as_object_mut().unwrap().entry(key).or_insert(value);
        }
        if let Some(probe) = container.get_mut("startupProbe").and_then(Value::as_object_mut) {
            probe.entry("successThreshold").or_insert(json!(1));
        }
        let mount = json!({"name": "kube-api-access-7x2lq", "readOnly": true,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"});
        push(&mut container["volumeMounts"], mount);
    }
    for volume in pod["spec"]["volumes"].as_array_mut().into_iter().flatten() {
        for kind in ["projected", "downwardAPI"] {
            if let Some(kind) = volume.get_mut(kind).and_then(Value::as_object_mut) {
                kind.entry("defaultMode").or_insert(json!(420));
            }
        }
        for item in volume["downwardAPI"]["items"].as_array_mut().into_iter().flatten() {
            item["fieldRef"]["apiVersion"] = json!("v1");
        }
    }
    push(&mut pod["spec"]["volumes"], json!({"name": "kube-api-access-7x2lq", "projected": {"sources": []}}));
}

/// A later webhook that adds an init container and moves the sidecar to the end.
pub(crate) fn sidecar_last(pod: &mut Value) {
    let inits = pod["spec"]["initContainers"].as_array_mut().unwrap();
    let index = inits.iter().position(|container| container["name"] == CONTAINER).unwrap();
    let sidecar = inits.remove(index);
    inits.push(json!({"name": "late", "image": "registry.example.com/base/late:1"}));
    inits.push(sidecar);
}

fn each(pod: &mut Value) -> impl Iterator<Item = &mut Value> {
    let spec = pod["spec"].as_object_mut().unwrap();
    let lists = spec.iter_mut().filter(|(key, _)| ["initContainers", "containers"].contains(&key.as_str()));
    lists.flat_map(|(_, list)| list.as_array_mut().into_iter().flatten())
}

fn push(list: &mut Value, element: Value) {
    if list.is_null() {
        *list = json!([]);
    }
    list.as_array_mut().unwrap().push(element);
}

fn insert(pod: &mut Value, list: &str, index: usize, container: Value) {
    let list = &mut pod["spec"][list];
    if list.is_null() {
        *list = json!([]);
    }
    list.as_array_mut().unwrap().insert(index, container);
}
