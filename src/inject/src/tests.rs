//! Opt-in, missing prerequisites, and warnings.

use std::fmt::Write;

use serde_json::json;

use crate::workload::{Workload, preview};
use crate::{Admission, Context, Decision, Defaults, MetadataDependency, ObjectMetadata, admit};

const PROVIDER: (&str, &str) =
    ("rolebridge.io/provider", "projects/1/locations/global/workloadIdentityPools/pool/providers/prod");
const ROLE: (&str, &str) = ("eks.amazonaws.com/role-arn", "arn:aws:iam::123456789012:role/batch");

/// Renders a decision: `injected`, or the reason's code after `skipped` or `denied`, followed by the objects that it
/// depends on.
fn render(decision: &Decision, depends_on_metadata: MetadataDependency) -> String {
    let depends = match depends_on_metadata {
        MetadataDependency::NONE => "",
        MetadataDependency::SERVICE_ACCOUNT => " (account)",
        MetadataDependency::NAMESPACE => " (namespace)",
        _ => " (both)",
    };
    match decision {
        Decision::Patch(_) => format!("injected{depends}"),
        Decision::Skip(reason) => format!("skipped {}{depends}", reason.code()),
        Decision::Deny(denial) => format!("denied {}{depends}", denial.reason.code()),
    }
}

#[test]
fn admit_depends_on_opt_in_and_prerequisites() {
    let all = &[PROVIDER, ROLE][..];
    for (annotation, label, spec, service_account, decision) in [
        (Some("true"), None, json!({}), all, "injected"),
        (None, Some("enabled"), json!({}), all, "injected"),
        (None, None, json!({}), all, "skipped not-opted-in (namespace)"),
        (None, Some("true"), json!({}), all, "skipped not-opted-in (namespace)"),
        (Some("false"), Some("enabled"), json!({}), all, "skipped opted-out"),
        (Some("True"), None, json!({}), all, "denied bad-value"),
        (Some("yes"), Some("enabled"), json!({}), all, "denied bad-value"),
        (Some(""), None, json!({}), all, "denied bad-value"),
        (Some("true"), None, json!({}), &[ROLE][..], "denied no-provider (both)"),
        (None, Some("enabled"), json!({}), &[ROLE][..], "skipped no-provider (both)"),
        (Some("true"), Some("enabled"), json!({}), &[PROVIDER][..], "denied no-aws-identity (both)"),
        (None, Some("enabled"), json!({}), &[PROVIDER][..], "skipped no-aws-identity (both)"),
        (Some("true"), None, json!({"os": {"name": "windows"}}), all, "denied windows"),
        (
            None,
            Some("enabled"),
            json!({"nodeSelector": {"kubernetes.io/os": "windows"}}),
            all,
            "skipped windows",
        ),
        (Some("true"), None, json!({"nodeSelector": {"kubernetes.io/os": "linux"}}), all, "injected"),
        (Some("true"), None, json!({"hostNetwork": true}), all, "denied host-network (both)"),
        (None, Some("enabled"), json!({"hostNetwork": true}), all, "skipped host-network (both)"),
        (
            Some("true"),
            None,
            json!({}),
            &[PROVIDER, ("rolebridge.io/port", "x")][..],
            "denied bad-value (account)",
        ),
        (
            Some("true"),
            None,
            json!({}),
            &[PROVIDER, ("eks.amazonaws.com/role-arn", "x")][..],
            "denied bad-value (both)",
        ),
        (
            None,
            Some("enabled"),
            json!({}),
            &[PROVIDER, ("rolebridge.io/port", "x")][..],
            "denied bad-value (both)",
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
        let text = pod.to_string();
        let view = serde_json::from_str(&text).unwrap();
        let admission = admit(&view, &context);
        assert_eq!(
            render(&admission.decision, admission.depends_on_metadata),
            decision,
            "{annotation:?} {label:?} {pod}"
        );
        let is_missing = decision.contains("no-")
            || decision.contains("skipped windows")
            || decision.contains("skipped host");
        let warned = is_missing && decision.starts_with("skipped") || label == Some("true");
        assert_eq!(!admission.warnings.is_empty(), warned, "{decision}: {:?}", admission.warnings);
    }
}

/// Admits a pod and returns the decision and the warnings.
fn admit_text(pod: &str, service_account: &[(&str, &str)]) -> (Decision, Vec<String>) {
    let context = Context {
        namespace: "shop",
        service_account: Some(&ObjectMetadata::new(service_account.iter().copied(), [])),
        namespace_metadata: None,
        defaults: &Defaults::default(),
    };
    let pod = serde_json::from_str(pod).unwrap();
    let Admission { decision, warnings, .. } = admit(&pod, &context);
    (decision, warnings)
}

#[test]
fn admit_skips_a_mirror_pod() {
    let pod = r#"{"metadata":{"annotations":{"rolebridge.io/inject":"true","kubernetes.io/config.mirror":"x"}},"spec":{}}"#;
    assert_eq!(render(&admit_text(pod, &[]).0, MetadataDependency::NONE), "skipped mirror-pod");
}

#[test]
fn unknown_annotation_is_denied_on_the_pod_and_warned_about_elsewhere() {
    let pod = |more: &str| {
        format!(
            r#"{{"metadata":{{"annotations":{{"rolebridge.io/inject":"true"{more}}}}},"spec":{{"containers":[{{"name":"web"}}]}}}}"#
        )
    };
    let (decision, _) = admit_text(&pod(r#","rolebridge.io/provder":"x""#), &[PROVIDER, ROLE]);
    let Decision::Deny(denial) = decision else { panic!("accepted") };
    assert_eq!(
        denial.message,
        "\"rolebridge.io/provder\" on the pod: unknown annotation. Did you mean rolebridge.io/provider?"
    );
    let many: Vec<_> = (1..=7).map(|number| format!(r#","rolebridge.io/x{number}":"""#)).collect();
    let (decision, _) = admit_text(&pod(&many.concat()), &[PROVIDER, ROLE]);
    let Decision::Deny(denial) = decision else { panic!("accepted") };
    assert_eq!(denial.message.matches("unknown annotation.").count(), 5, "{}", denial.message);
    assert!(denial.message.ends_with("unknown annotation. And 2 more on the pod."), "{}", denial.message);
    let elsewhere = [PROVIDER, ROLE, ("rolebridge.io/projct", "x"), ("rolebridge.io/inject", "true")];
    let (decision, warnings) = admit_text(&pod(""), &elsewhere);
    assert_eq!(render(&decision, MetadataDependency::NONE), "injected");
    assert_eq!(
        warnings,
        [
            "rolebridge.io/projct on the service account default: unknown annotation. Did you mean rolebridge.io/project?",
            "rolebridge.io/inject on the service account default has no effect. Fix: set it as an annotation of the pod \
             or as a label of the namespace.",
        ]
    );
}

#[test]
fn warnings_about_settings_fit_into_256_characters() {
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
        let (decision, pod_warnings) = admit_text(&pod, &service_account);
        assert_eq!(render(&decision, MetadataDependency::NONE), "injected");
        assert_eq!(pod_warnings.len(), 1, "{pod}");
        assert!(pod_warnings[0].len() <= 256, "{}", pod_warnings[0]);
        warnings.extend(pod_warnings);
    }
    insta::assert_snapshot!(warnings.join("\n"));
}

#[test]
fn preview_returns_the_messages_of_the_pods() {
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
    let mut previews = String::new();
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
        writeln!(previews, "{:#?}", preview(&workload, &context)).unwrap();
    }
    insta::assert_snapshot!(previews);
}

#[test]
fn allowed_and_locked_deny_values_of_the_app_team() {
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
    let mut decisions = Vec::new();
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
        let text = pod.to_string();
        let view = serde_json::from_str(&text).unwrap();
        let admission = admit(&view, &context);
        decisions.push(match admission.decision {
            Decision::Deny(denial) => format!("[{}] {}", denial.reason.code(), denial.message),
            other => render(&other, admission.depends_on_metadata),
        });
    }
    insta::assert_snapshot!(decisions.join("\n"));
}
