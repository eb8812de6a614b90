//! Tests with pods that run shell scripts.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::process::Process;

const TIMEOUT: Duration = Duration::from_secs(20);

fn node() -> Node {
    let issued = AtomicU32::new(0);
    let data = |key: &str, text: &str| BTreeMap::from([(key.to_owned(), text.to_owned())]);
    Node {
        programs: BTreeMap::from([("/sh".to_owned(), vec!["/bin/sh".into(), "-c".into()])]),
        config_maps: BTreeMap::from([("roots".to_owned(), data("ca.crt", "PEM"))]),
        token_issuer: Arc::new(move |request| {
            let count = issued.fetch_add(1, Ordering::Relaxed);
            Ok(format!(
                "{count} {}/{} {:?} {}",
                request.namespace, request.service_account, request.audience, request.lifetime
            ))
        }),
    }
}

fn pod(spec: &str) -> Value {
    let spec: Value = serde_saphyr::from_str(spec).unwrap();
    json!({
        "metadata": {"generateName": "a-", "namespace": "shop", "annotations": {"doc": r#"{"file":"/var/x/token"}"#}},
        "spec": spec,
    })
}

const VOLUMES: &str = "
    serviceAccountName: reporter
    containers:
    - name: app
      command: [/sh, 'cat $TOKEN /var/x/doc /etc/roots/roots.pem; printf %s \"$NOTHING\"; env']
      env:
      - {name: TOKEN, value: /var/run/aws/token}
      - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
      - {name: TWICE, value: '$(NAME)-$(NAME)-$(OTHER)-$$(NAME)'}
      - {name: ELSEWHERE, value: '/var/xy:/a/var/x:/var/x:http://h/var/x'}
      - {name: ROOTS, valueFrom: {configMapKeyRef: {name: roots, key: ca.crt}}}
      volumeMounts:
      - {name: aws, mountPath: /var/run/aws}
      - {name: doc, mountPath: /var/x}
      - {name: roots, mountPath: /etc/roots/}
      - {name: scratch, mountPath: /scratch}
    volumes:
    - {name: aws, projected: {sources: [{serviceAccountToken: {path: token, audience: sts.amazonaws.com, expirationSeconds: 86400}}]}}
    - {name: doc, downwardAPI: {items: [{path: doc, fieldRef: {fieldPath: \"metadata.annotations['doc']\"}}]}}
    - {name: roots, configMap: {name: roots, items: [{key: ca.crt, path: roots.pem}]}}
    - {name: scratch, emptyDir: {medium: Memory}}
";

#[tokio::test]
async fn container_gets_exactly_the_files_and_env_of_the_pod() {
    let pod = Pod::create(&node(), &pod(VOLUMES)).unwrap();
    let root = pod.root().display();
    let mut running = pod.run(TIMEOUT).await.unwrap();
    let process: &mut Process = running.process("app").unwrap();
    assert!(process.wait(TIMEOUT).await.unwrap().success());
    let text = process.log().text();
    let (files, env) = text.split_once("PEM").unwrap();
    assert_eq!(
        files,
        format!(r#"0 shop/reporter Some("sts.amazonaws.com") 86400{{"file":"{root}/var/x/token"}}"#)
    );
    // The shell sets variables of its own.
    let env: Vec<_> = env
        .lines()
        .filter(|line| !line.starts_with("PWD=") && !line.starts_with("_=") && !line.starts_with("SHLVL="))
        .collect();
    let mut sorted = env.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            &format!("ELSEWHERE=/var/xy:/a/var/x:{root}/var/x:http://h/var/x"),
            "HOSTNAME=a-w4q8z",
            "NAME=a-w4q8z",
            "ROOTS=PEM",
            &format!("TOKEN={root}/var/run/aws/token"),
            "TWICE=a-w4q8z-a-w4q8z-$(OTHER)-$(NAME)",
        ]
    );
    assert!(pod.path("/scratch").is_dir());
}

#[tokio::test]
async fn rotate_tokens_replaces_the_file_atomically() {
    let pod = Pod::create(&node(), &pod(VOLUMES)).unwrap();
    let file = pod.path("/var/run/aws/token");
    let read = || std::fs::read_to_string(&file).unwrap();
    assert!(read().starts_with("0 shop/reporter"));
    pod.rotate_tokens().unwrap();
    assert!(read().starts_with("1 shop/reporter"));
    let entries = std::fs::read_dir(file.parent().unwrap()).unwrap().count();
    assert_eq!(entries, 3, "token, ..data and one data folder");
    pod.overwrite_projected("aws", &[("token", "")]).unwrap();
    assert_eq!(read(), "");
}

const ORDER: &str = "
    initContainers:
    - name: sidecar
      restartPolicy: Always
      command: [/sh, 'echo sidecar >>/scratch/order; exec sleep 60']
      startupProbe:
        exec: {command: [/sh, 'until grep -q sidecar /scratch/order; do sleep .05; done; echo probe >>/scratch/order; test $(grep -c probe /scratch/order) = 2 || { echo not yet; exit 1; }']}
        periodSeconds: 1
        timeoutSeconds: 15
      volumeMounts: [{name: scratch, mountPath: /scratch}]
    - name: migrate
      command: [/sh, 'echo migrate >>/scratch/order']
    containers:
    - {name: app, command: [/sh], args: ['echo app >>/scratch/order']}
    volumes: [{name: scratch, emptyDir: {}}]
";

#[tokio::test]
async fn run_starts_containers_in_the_kubelets_order() {
    let pod = Pod::create(&node(), &pod(ORDER)).unwrap();
    let mut running = pod.run(TIMEOUT).await.unwrap();
    running.process("app").unwrap().wait(TIMEOUT).await.unwrap();
    let order = std::fs::read_to_string(pod.path("/scratch/order")).unwrap();
    assert_eq!(order, "sidecar\nprobe\nprobe\nmigrate\napp\n");
    assert_eq!(running.events, ["Startup probe failed: not yet"]);
    assert_eq!(running.process("sidecar").unwrap().try_wait().unwrap(), None);
}

#[rstest]
#[case::with_aliases(
    "[{ip: 127.0.0.1, hostnames: [metadata.google.internal, metadata]}]",
    "127.0.0.1 127.0.0.1 "
)]
#[case::without("[]", "")]
#[tokio::test]
async fn only_the_pod_resolves_its_host_aliases(#[case] aliases: &str, #[case] expected: &str) {
    let find = "for name in metadata.google.internal metadata; do getent -s files ahostsv4 $name; done";
    let script = format!("{find} | awk '/STREAM/ {{printf \"%s \", $1}}'");
    let spec = json!({"containers": [{"name": "app", "command": ["/sh", script]}]});
    let mut pod = pod(&spec.to_string());
    pod["spec"]["hostAliases"] = serde_saphyr::from_str(aliases).unwrap();
    let pod = Pod::create(&node(), &pod).unwrap();
    let mut running = pod.run(TIMEOUT).await.unwrap();
    let app = running.process("app").unwrap();
    app.wait(TIMEOUT).await.unwrap();
    assert_eq!(app.log().text(), expected);
}

#[rstest]
#[case::init_container_fails(
    "initContainers: [{name: a, command: [/sh, 'echo oh; exit 3']}]",
    "init container a exited: exit status: 3\noh"
)]
#[case::sidecar_exits(
    "initContainers: [{name: a, restartPolicy: Always, command: [/sh, 'exit 4'],
      startupProbe: {periodSeconds: 0, failureThreshold: 90000, exec: {command: [/sh, 'echo why; false']}}}]",
    "container a exited: exit status: 4; last probe: why\n"
)]
#[case::failure_threshold(
    "initContainers: [{name: a, restartPolicy: Always, command: [/sh, 'exec sleep 60'],
      startupProbe: {periodSeconds: 0, failureThreshold: 2, exec: {command: [/sh, 'echo why; false']}}}]",
    "container a reached the failure threshold of its startup probe; last probe: why\n"
)]
#[case::unknown_program("containers: [{name: a, command: [/other]}]", "no program /other on the node")]
#[case::no_command(
    "containers: [{name: a}]",
    "container a has no command, and the fake kubelet has no images"
)]
#[case::unknown_field(
    "containers: [{name: a, command: [/sh], env: [{name: X, valueFrom: {fieldRef: {fieldPath: spec.x}}}]}]",
    "the fake kubelet does not support the field \"spec.x\""
)]
#[tokio::test]
async fn run_reports_why_a_container_failed(#[case] spec: &str, #[case] expected: &str) {
    let pod = Pod::create(&node(), &pod(spec)).unwrap();
    assert_eq!(pod.run(TIMEOUT).await.unwrap_err().to_string(), expected);
}

#[rstest]
#[case::volume_kind("volumes: [{name: x, hostPath: {path: /}}]", "unknown variant `hostPath`")]
#[case::config_map("volumes: [{name: x, configMap: {name: none}}]", "config map \"none\" not found")]
#[case::missing_volume(
    "containers: [{name: a, volumeMounts: [{name: x, mountPath: /x}]}]",
    "/x mounts \"x\", but the pod has no such volume"
)]
#[case::sub_path(
    "containers: [{name: a, volumeMounts: [{name: x, mountPath: /x, subPath: part}]}]",
    "with a subPath"
)]
#[case::same_mount_path(
    "containers: [{name: a, volumeMounts: [{name: x, mountPath: /x}, {name: z, mountPath: /x}]}]",
    "two containers mount different volumes at /x"
)]
fn create_names_unsupported_features(#[case] spec: &str, #[case] expected: &str) {
    let error = Pod::create(&node(), &pod(spec)).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}
