//! Who opted in, and what becomes of a pod that lacks something.

use std::fmt::Write;

use serde_json::json;

use crate::workload::{Workload, preview};
use crate::{Context, Decision, Defaults, ObjectMetadata, admit};

const PROVIDER: (&str, &str) =
    ("rolebridge.io/provider", "projects/1/locations/global/workloadIdentityPools/pool/providers/prod");
const ROLE: (&str, &str) = ("eks.amazonaws.com/role-arn", "arn:aws:iam::123456789012:role/batch");

/// What became of it: `injected`, or the reason's code after `unchanged` or `refused`; a `?` if that depends on
/// metadata.
fn word(decision: &Decision, depends: bool) -> String {
    let depends = if depends { "?" } else { "" };
    match decision {
        Decision::Patch(_) => format!("injected{depends}"),
        Decision::Skip(reason) => format!("unchanged {}{depends}", reason.code()),
        Decision::Deny(refusal) => format!("refused {}{depends}", refusal.reason.code()),
    }
}

#[test]
fn who_opts_in_and_what_it_lacks() {
    let all = &[PROVIDER, ROLE][..];
    for (annotation, label, spec, service_account, decision) in [
        (Some("true"), None, json!({}), all, "injected"),
        (None, Some("enabled"), json!({}), all, "injected"),
        (None, None, json!({}), all, "unchanged not-opted-in?"),
        (None, Some("true"), json!({}), all, "unchanged not-opted-in?"),
        (Some("false"), Some("enabled"), json!({}), all, "unchanged opted-out"),
        (Some("True"), None, json!({}), all, "refused bad-value"),
        (Some("yes"), Some("enabled"), json!({}), all, "refused bad-value"),
        (Some(""), None, json!({}), all, "refused bad-value"),
        (Some("true"), None, json!({}), &[ROLE][..], "refused no-provider?"),
        (None, Some("enabled"), json!({}), &[ROLE][..], "unchanged no-provider?"),
        (Some("true"), Some("enabled"), json!({}), &[PROVIDER][..], "refused no-aws-identity?"),
        (None, Some("enabled"), json!({}), &[PROVIDER][..], "unchanged no-aws-identity?"),
        (Some("true"), None, json!({"os": {"name": "windows"}}), all, "refused windows"),
        (
            None,
            Some("enabled"),
            json!({"nodeSelector": {"kubernetes.io/os": "windows"}}),
            all,
            "unchanged windows",
        ),
        (Some("true"), None, json!({"nodeSelector": {"kubernetes.io/os": "linux"}}), all, "injected"),
        (Some("true"), None, json!({"hostNetwork": true}), all, "refused host-network?"),
        (None, Some("enabled"), json!({"hostNetwork": true}), all, "unchanged host-network?"),
        (
            None,
            Some("enabled"),
            json!({}),
            &[PROVIDER, ("rolebridge.io/port", "x")][..],
            "refused bad-value?",
        ),
    ] {
        let mut pod = json!({"metadata": {"annotations": {}}, "spec": {"containers": [{"name": "web"}]}});
        pod["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        if let Some(value) = annotation {
            pod["metadata"]["annotations"]["rolebridge.io/inject"] = json!(value);
        }
        let context = Context {
            namespace: "shop",
            service_account: Some(&ObjectMetadata::new(service_account.iter().copied(), [])),
            namespace_metadata: Some(&ObjectMetadata::new(
                [],
                label.map(|value| ("rolebridge.io/inject", value)),
            )),
            defaults: &Defaults::default(),
        };
        let admission = admit(&serde_json::from_str(&pod.to_string()).unwrap(), &context);
        assert_eq!(
            word(&admission.decision, admission.depends_on_metadata),
            decision,
            "{annotation:?} {label:?} {pod}"
        );
        let speaks = decision.contains("no-")
            || decision.contains("unchanged windows")
            || decision.contains("unchanged host");
        let warned = speaks && decision.starts_with("unchanged") || label == Some("true");
        assert_eq!(!admission.warnings.is_empty(), warned, "{decision}: {:?}", admission.warnings);
    }
}

fn admit_text(pod: &str, service_account: &[(&str, &str)]) -> crate::Admission {
    let context = Context {
        namespace: "shop",
        service_account: Some(&ObjectMetadata::new(service_account.iter().copied(), [])),
        namespace_metadata: None,
        defaults: &Defaults::default(),
    };
    admit(&serde_json::from_str(pod).unwrap(), &context)
}

#[test]
fn a_mirror_pod_is_left_alone() {
    let pod = r#"{"metadata":{"annotations":{"rolebridge.io/inject":"true","kubernetes.io/config.mirror":"x"}},"spec":{}}"#;
    assert_eq!(word(&admit_text(pod, &[]).decision, false), "unchanged mirror-pod");
}

#[test]
fn a_misspelt_annotation() {
    let pod = |more: &str| {
        format!(
            r#"{{"metadata":{{"annotations":{{"rolebridge.io/inject":"true"{more}}}}},"spec":{{"containers":[{{"name":"web"}}]}}}}"#
        )
    };
    let on_pod = admit_text(&pod(r#","rolebridge.io/provder":"x""#), &[PROVIDER, ROLE]);
    let Decision::Deny(refusal) = on_pod.decision else { panic!("accepted") };
    assert_eq!(
        refusal.message,
        "\"rolebridge.io/provder\" (on the pod) does not exist. Did you mean rolebridge.io/provider?"
    );
    let elsewhere = [PROVIDER, ROLE, ("rolebridge.io/projct", "x"), ("rolebridge.io/inject", "true")];
    let on_service_account = admit_text(&pod(""), &elsewhere);
    assert_eq!(word(&on_service_account.decision, false), "injected");
    assert_eq!(
        on_service_account.warnings,
        [
            "rolebridge.io/projct (on the service account default) does not exist. Did you mean rolebridge.io/project?",
            "rolebridge.io/inject (on the service account default) has no effect: it is a pod's annotation, or a \
             namespace's label.",
        ]
    );
}

#[test]
fn warnings_about_the_settings() {
    let pod = |spec: &str, more: &str| {
        format!(
            r#"{{"metadata":{{"annotations":{{"rolebridge.io/inject":"true"{more}}}}},"spec":{{{spec}}}}}"#
        )
    };
    let web = r#""containers":[{"name":"web"}]"#;
    let china = ("eks.amazonaws.com/role-arn", "arn:aws-cn:iam::123456789012:role/batch");
    let mut warnings = Vec::new();
    for (pod, service_account) in [
        (pod(web, ""), [PROVIDER, china]),
        (pod(web, r#","rolebridge.io/token-lifetime":"600""#), [PROVIDER, ROLE]),
        (pod(r#""containers":[{"name":"web"},{"name":"istio-proxy"}]"#, ""), [PROVIDER, ROLE]),
        (pod(r#""containers":[{"name":"web"},{"name":"linkerd-proxy"}]"#, ""), [PROVIDER, ROLE]),
        (
            pod(
                r#""containers":[{"name":"web","env":[{"name":"HTTPS_PROXY","value":"socks5://p"},{"name":"NO_PROXY","value":"*"}]}]"#,
                "",
            ),
            [PROVIDER, ROLE],
        ),
    ] {
        let admission = admit_text(&pod, &service_account);
        assert_eq!(word(&admission.decision, false), "injected");
        assert_eq!(admission.warnings.len(), 1, "{pod}");
        assert!(admission.warnings[0].len() <= 256, "{}", admission.warnings[0]);
        warnings.extend(admission.warnings);
    }
    insta::assert_snapshot!(warnings.join("\n"));
}

#[test]
fn a_workload_hears_what_its_pods_would() {
    let template = |annotations: &str| {
        format!(
            r#"{{"metadata":{{"creationTimestamp":null,"annotations":{annotations}}},"spec":{{"serviceAccountName":"batch","containers":[{{"name":"web"}}]}}}}"#
        )
    };
    let opt_in = r#"{"rolebridge.io/inject":"true"}"#;
    let opted_in = template(opt_in);
    let workload = |kind: &str, annotations: &str, spec: &str| {
        format!(r#"{{"kind":"{kind}","metadata":{{"annotations":{annotations}}},"spec":{{{spec}}}}}"#)
    };
    let mut said = String::new();
    for text in [
        workload("Deployment", "null", &format!(r#""template":{opted_in}"#)),
        workload("CronJob", "null", &format!(r#""jobTemplate":{{"spec":{{"template":{opted_in}}}}}"#)),
        workload("Deployment", "null", &format!(r#""template":{}"#, template("null"))),
        workload("Job", r#"{"rolebridge.io/inject":"true"}"#, &format!(r#""template":{}"#, template("null"))),
        workload("Job", r#"{"rolebridge.io/inject":"false"}"#, &format!(r#""template":{opted_in}"#)),
        format!(
            r#"{{"kind":"Job","metadata":{{"labels":{opt_in}}},"spec":{{"template":{}}}}}"#,
            template("null")
        ),
        workload(
            "Deployment",
            "null",
            &format!(r#""template":{}"#, template(r#"{"rolebridge.io/port":"1"}"#)),
        ),
        workload("Deployment", "null", ""),
    ] {
        let workload: Workload<'_> = serde_json::from_str(&text).unwrap();
        let metadata = ObjectMetadata::new([ROLE], []);
        let context = Context {
            namespace: "shop",
            service_account: Some(&metadata),
            namespace_metadata: None,
            defaults: &Defaults::default(),
        };
        writeln!(said, "{:#?}", preview(&workload, &context)).unwrap();
    }
    insta::assert_snapshot!(said);
}

#[test]
fn the_platform_teams_guard_rails() {
    let defaults = Defaults::from_yaml(
        "allowed:
  providers: ['projects/1/*']
  serviceAccounts: ['{namespace}-*@shop.iam.gserviceaccount.com']
locked: [sts-endpoint]
settings: {sts-endpoint: 'https://sts.example.internal'}
",
    )
    .unwrap();
    let other = "projects/2/locations/global/workloadIdentityPools/pool/providers/prod";
    let mut said = Vec::new();
    for (pod, service_account, namespace) in [
        (None, Some(("rolebridge.io/service-account", "shop-batch@shop.iam.gserviceaccount.com")), None),
        (None, None, Some(("rolebridge.io/sts-endpoint", "https://other.example.internal"))),
        (Some(("rolebridge.io/sts-endpoint", "https://evil.example")), None, None),
        (None, Some(("rolebridge.io/sts-endpoint", "https://evil.example")), None),
        (Some(("rolebridge.io/provider", other)), None, None),
        (None, Some(("rolebridge.io/service-account", "bank-batch@shop.iam.gserviceaccount.com")), None),
    ] {
        let mut annotations = std::collections::BTreeMap::from([("rolebridge.io/inject", "true")]);
        annotations.extend(pod);
        let pod =
            json!({"metadata": {"annotations": annotations}, "spec": {"containers": [{"name": "web"}]}});
        let context = Context {
            namespace: "shop",
            service_account: Some(&ObjectMetadata::new(
                [PROVIDER, ROLE].into_iter().chain(service_account),
                [],
            )),
            namespace_metadata: Some(&ObjectMetadata::new(namespace, [])),
            defaults: &defaults,
        };
        let admission = admit(&serde_json::from_str(&pod.to_string()).unwrap(), &context);
        said.push(match admission.decision {
            Decision::Deny(refusal) => format!("[{}] {}", refusal.reason.code(), refusal.message),
            other => word(&other, admission.depends_on_metadata),
        });
    }
    insta::assert_snapshot!(said.join("\n"));
}
