//! Each annotation: a valid value from each origin, and the message of an invalid one.

mod locked;
mod schema;
mod values;

use std::fmt::Write;

use rolebridge_core::annotations::{self as key, ALL, eks};
use rstest::rstest;

use self::values::{INVALID, VALID};
use super::*;
use crate::context::Context;
use crate::defaults::Defaults;
use crate::denial::Denial;
use crate::metadata_dependency::MetadataDependency;
use crate::object_metadata::ObjectMetadata;
use crate::reason::Reason;
use crate::view::Pod;

const PROVIDER: &str = "projects/1/locations/global/workloadIdentityPools/pool/providers/prod";
const ROLE: &str = "arn:aws:iam::123456789012:role/batch";

/// The declared settings of the four origins.
#[derive(Default)]
struct Declared<'a>([Vec<(&'a str, &'a str)>; 4]);

impl<'a> Declared<'a> {
    fn at(origin: Origin, key: &'a str, value: &'a str) -> Self {
        Self::default().and(origin, key, value)
    }

    fn and(mut self, origin: Origin, key: &'a str, value: &'a str) -> Self {
        self.0[origin as usize].push((key, value));
        self
    }

    /// Resolves the settings of a pod with the containers `a`, `b` and `c`.
    fn resolve<T>(&self, read: impl FnOnce(Result<Settings<'_>, Denial>) -> T) -> T {
        let [pod, service_account, namespace, chart] = &self.0;
        let annotations: std::collections::BTreeMap<_, _> = pod.iter().copied().collect();
        let pod = serde_json::json!({
            "metadata": {"annotations": annotations},
            "spec": {"serviceAccountName": "batch", "containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]},
        })
        .to_string();
        let mut yaml = String::from("locked: []\nsettings:\n  aws-region: us-east-2\n");
        for (key, value) in chart {
            let name = key.strip_prefix(key::PREFIX).unwrap();
            yaml = yaml.replace(
                "  aws-region: us-east-2\n",
                if *key == key::AWS_REGION { "" } else { "  aws-region: us-east-2\n" },
            );
            writeln!(yaml, "  {name}: '{value}'").unwrap();
        }
        let metadata = |annotations: &[(&str, &str)]| ObjectMetadata::new(annotations.iter().copied(), []);
        let context = Context {
            namespace: "shop",
            service_account: Some(&metadata(service_account)),
            namespace_metadata: Some(&metadata(namespace)),
            defaults: &Defaults::from_yaml(&yaml).unwrap(),
        };
        read(resolve(&serde_json::from_str(&pod).unwrap(), &context))
    }

    /// Adds the two required settings, and those that a delegation chain requires, except the tested one.
    fn complete(mut self, tested: &str) -> Self {
        let chain = [(key::SERVICE_ACCOUNT, "z@shop.iam.gserviceaccount.com"), (key::SOURCE, "metadata")];
        let chain = chain.into_iter().filter(|_| tested == key::DELEGATES);
        for (key, value) in [(key::PROVIDER, PROVIDER), (key::ROLE_ARN, ROLE)].into_iter().chain(chain) {
            if tested != key {
                self = self.and(Origin::Defaults, key, value);
            }
        }
        self
    }

    fn entry(self, tested: &'static str) -> Option<(String, Origin)> {
        self.complete(tested).resolve(|settings| {
            let entry = settings.unwrap().entries().find(|entry| entry.key == tested)?;
            Some((entry.value, entry.origin))
        })
    }

    fn denial(self, tested: &str) -> Denial {
        self.complete(tested).resolve(|settings| settings.unwrap_err())
    }
}

const ORIGINS: [Origin; 4] = [Origin::Pod, Origin::ServiceAccount, Origin::Namespace, Origin::Defaults];

#[test]
fn every_annotation_has_valid_and_invalid_values() {
    for annotation in ALL.iter().filter(|annotation| annotation.key != key::INJECT) {
        assert!(VALID.iter().any(|(key, _)| *key == annotation.key), "{}", annotation.key);
        assert!(INVALID.iter().any(|(key, _)| *key == annotation.key), "{}", annotation.key);
    }
}

#[test]
fn setting_with_the_highest_precedence_wins() {
    for (key, values) in VALID {
        for first in 0..ORIGINS.len() {
            let mut declared = Declared::default();
            for (origin, value) in ORIGINS.into_iter().zip(values).skip(first) {
                declared = declared.and(origin, key, value);
            }
            let expected = Some((values[first].to_owned(), ORIGINS[first]));
            assert_eq!(declared.entry(key), expected, "{key}");
        }
    }
}

#[test]
fn settings_without_annotations_are_the_built_in_ones() {
    let entries = Declared::default().complete("").resolve(|settings| {
        let built_in = settings.unwrap();
        let entries = built_in.entries().filter(|entry| entry.origin == Origin::BuiltIn);
        entries.map(|entry| format!("{}: {}", entry.key, entry.value)).collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(entries);
}

#[test]
fn invalid_value_is_denied_with_a_message() {
    let mut messages = String::new();
    for (key, values) in INVALID {
        for value in *values {
            let denial = Declared::at(Origin::Pod, key, value).denial(key);
            assert!(denial.message.starts_with(key), "{}", denial.message);
            assert!(!denial.message.contains("secret"), "{}", denial.message);
            writeln!(messages, "[{}] {}", denial.reason.code(), denial.message).unwrap();
        }
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn message_of_an_invalid_value_names_its_origin() {
    for (origin, message, depends) in [
        (
            Origin::Pod,
            "rolebridge.io/port on the pod: expected a port from 1024 to 65535, found \"80\".",
            MetadataDependency::NONE,
        ),
        (
            Origin::ServiceAccount,
            "rolebridge.io/port on the service account batch: expected a port from 1024 to 65535, found \"80\".",
            MetadataDependency::SERVICE_ACCOUNT,
        ),
        (
            Origin::Namespace,
            "rolebridge.io/port on the namespace shop: expected a port from 1024 to 65535, found \"80\".",
            MetadataDependency::BOTH,
        ),
    ] {
        let denial = Declared::at(origin, key::PORT, "80").denial(key::PORT);
        assert_eq!((denial.message.as_str(), denial.depends_on_metadata), (message, depends));
    }
}

#[test]
fn defaults_with_a_value_that_is_invalid_on_a_pod_are_invalid() {
    // These values are only invalid with another setting or with this pod.
    let depends_on_others = [
        "loopback,x=file",
        "cn-north-1",
        "x",
        "15080",
        "id-token=https://reports",
        "x=b@shop.iam.gserviceaccount.com",
        "a.access-token",
    ];
    for (key, values) in INVALID {
        for value in values.iter().filter(|value| !depends_on_others.contains(value) && value.len() != 65) {
            let name = key.strip_prefix(key::PREFIX).unwrap();
            let message = Declared::at(Origin::Pod, key, value).denial(key).message;
            let (_, end) = message.split_once(" on the pod: ").unwrap();
            let error =
                Defaults::from_yaml(&format!("settings: {{{name}: '{value}'}}")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("defaults.yaml: settings.{name}: ")), "{error}");
            assert!(error.ends_with(end), "{error} for {message}");
        }
    }
}

#[test]
fn eks_annotations_come_after_rolebridges_and_before_the_defaults() {
    let other = "arn:aws:iam::123456789012:role/eks";
    let eks = |key, value| Declared::at(Origin::ServiceAccount, key, value);
    for (declared, tested, expected) in [
        (eks(eks::ROLE_ARN, other), key::ROLE_ARN, (other, Origin::ServiceAccount)),
        (
            eks(eks::ROLE_ARN, other).and(Origin::Defaults, key::ROLE_ARN, ROLE),
            key::ROLE_ARN,
            (other, Origin::ServiceAccount),
        ),
        (
            eks(eks::ROLE_ARN, other).and(Origin::Namespace, key::ROLE_ARN, ROLE),
            key::ROLE_ARN,
            (ROLE, Origin::Namespace),
        ),
        (eks(eks::TOKEN_EXPIRATION, "7200"), key::AWS_TOKEN_LIFETIME, ("7200", Origin::ServiceAccount)),
        (
            eks(eks::TOKEN_EXPIRATION, "7200").and(Origin::Pod, key::AWS_TOKEN_LIFETIME, "900"),
            key::AWS_TOKEN_LIFETIME,
            ("900", Origin::Pod),
        ),
    ] {
        assert_eq!(declared.entry(tested), Some((expected.0.to_owned(), expected.1)));
    }
    let message = eks(eks::ROLE_ARN, "batch").denial(key::ROLE_ARN).message;
    assert!(
        message.starts_with("eks.amazonaws.com/role-arn on the service account batch: expected "),
        "{message}"
    );
}

#[test]
fn session_name_over_the_maximum_length_is_denied() {
    for (partition, both) in [("aws", 87), ("aws-cn", 84), ("aws-us-gov", 80)] {
        let role = format!("arn:{partition}:iam::123456789012:role/team/{}", "r".repeat(60));
        let resolve = |len: usize| {
            let name = "n".repeat(len);
            let declared =
                Declared::at(Origin::Pod, key::ROLE_ARN, &role).and(Origin::Pod, key::SESSION_NAME, &name);
            declared.and(Origin::Defaults, key::PROVIDER, PROVIDER).resolve(|settings| settings.map(drop))
        };
        assert_eq!(resolve(both - 60), Ok(()), "{partition}");
        let denial = resolve(both - 60 + 1).unwrap_err();
        assert!(denial.message.contains(&format!("at most {} bytes", both - 60)), "{}", denial.message);
    }
}

#[test]
fn explained_proxy_has_no_password() {
    let proxy = "http://user:secret@proxy:3128";
    for origin in ORIGINS {
        let entry = Declared::at(origin, key::HTTPS_PROXY, proxy).entry(key::HTTPS_PROXY);
        assert_eq!(entry, Some(("http://…@proxy:3128".to_owned(), origin)));
    }
    let metadata = serde_json::json!({"annotations": {key::HTTPS_PROXY: "user:secret@proxy"}});
    let pod = serde_json::json!({"metadata": metadata, "spec": {"containers": []}}).to_string();
    let pod: Pod<'_> = serde_json::from_str(&pod).unwrap();
    let defaults = Defaults::default();
    let context =
        Context { namespace: "shop", service_account: None, namespace_metadata: None, defaults: &defaults };
    let values: Vec<_> = declared_settings(&pod, &context).map(|entry| entry.value).collect();
    assert_eq!(values, ["…@proxy"]);
}

#[test]
fn missing_provider_or_role_is_denied() {
    let no_provider =
        Declared::at(Origin::Pod, key::ROLE_ARN, ROLE).resolve(|settings| settings.unwrap_err());
    let no_role =
        Declared::at(Origin::Pod, key::PROVIDER, PROVIDER).resolve(|settings| settings.unwrap_err());
    assert_eq!((no_provider.reason, no_role.reason), (Reason::NoProvider, Reason::NoAwsIdentity));
    insta::assert_snapshot!(format!("{}\n{}", no_provider.message, no_role.message));
}

#[test]
fn invalid_value_is_reported_before_a_missing_provider() {
    let denial =
        Declared::at(Origin::Namespace, key::LOG_LEVEL, "loud").resolve(|settings| settings.unwrap_err());
    assert_eq!(denial.reason, Reason::BadValue);
}

#[test]
fn annotated_request_above_the_annotated_limit_is_denied() {
    let declared = |origin| Declared::at(Origin::Pod, key::CPU_REQUEST, "2").and(origin, key::CPU_LIMIT, "1");
    let denial = declared(Origin::Namespace).denial("");
    assert_eq!(
        denial.message,
        "rolebridge.io/cpu-request on the pod: expected at most rolebridge.io/cpu-limit: \"1\" (on the namespace shop), found \"2\"."
    );
    assert_eq!(denial.depends_on_metadata, MetadataDependency::BOTH);
    assert!(declared(Origin::Defaults).complete("").resolve(|settings| settings.is_ok()));
}

#[test]
fn region_of_the_app_containers_comes_before_the_defaults() {
    let region = |role: &str, env: &str, chart: &str| {
        let pod = format!(r#"{{"spec":{{"containers":[{{"name":"a","env":[{env}]}},{{"name":"b"}}]}}}}"#);
        let yaml = format!("settings: {{provider: '{PROVIDER}', role-arn: '{role}'{chart}}}");
        let defaults = Defaults::from_yaml(&yaml).unwrap();
        let context = Context {
            namespace: "shop",
            service_account: None,
            namespace_metadata: None,
            defaults: &defaults,
        };
        let pod = serde_json::from_str(&pod).unwrap();
        let region = resolve(&pod, &context).unwrap().aws.unwrap().region;
        (region.value.to_owned(), region.origin)
    };
    let china = "arn:aws-cn:iam::123456789012:role/batch";
    let app_env = r#"{"name":"AWS_REGION","value":"eu-west-1"}"#;
    let defaults = ", aws-region: eu-west-3";
    for (role, env, chart, expected) in [
        (ROLE, app_env, defaults, ("eu-west-1", Origin::Pod)),
        (ROLE, r#"{"name":"AWS_DEFAULT_REGION","value":"eu-west-2"}"#, defaults, ("eu-west-2", Origin::Pod)),
        (ROLE, r#"{"name":"AWS_REGION","value":"nowhere"}"#, defaults, ("eu-west-3", Origin::Defaults)),
        (ROLE, r#"{"name":"AWS_REGION","valueFrom":{}}"#, "", ("us-east-1", Origin::BuiltIn)),
        (ROLE, "", defaults, ("eu-west-3", Origin::Defaults)),
        (china, app_env, defaults, ("cn-north-1", Origin::BuiltIn)),
    ] {
        assert_eq!(region(role, env, chart), (expected.0.to_owned(), expected.1), "{role} {env} {chart}");
    }
}

#[test]
fn value_over_the_maximum_length_is_denied_unparsed() {
    let (longest, long) = ("x".repeat(16 << 10), "x".repeat((16 << 10) + 1));
    let message = |origin: &str| {
        format!(" {origin}: expected at most 16384 bytes, found 16385 bytes. Fix: shorten the value.")
    };
    for annotation in ALL.iter().filter(|annotation| annotation.key != key::INJECT) {
        for (origin, place) in [
            (Origin::Pod, "on the pod"),
            (Origin::ServiceAccount, "on the service account batch"),
            (Origin::Namespace, "on the namespace shop"),
        ] {
            let denied = |value: &str| {
                let declared = Declared::at(origin, annotation.key, value);
                declared
                    .complete(annotation.key)
                    .resolve(|settings| settings.err().map(|denial| denial.message))
            };
            assert_eq!(denied(&long), Some(format!("{}{}", annotation.key, message(place))));
            assert!(!denied(&longest).is_some_and(|message| message.contains(" bytes, found")));
        }
        let name = annotation.key.strip_prefix(key::PREFIX).unwrap();
        let error = Defaults::from_yaml(&format!("settings: {{{name}: '{long}'}}")).unwrap_err().to_string();
        assert!(
            error.ends_with(": expected at most 16384 bytes, found 16385 bytes. Fix: shorten the value."),
            "{error}"
        );
    }
    for key in [eks::ROLE_ARN, eks::AUDIENCE, eks::TOKEN_EXPIRATION] {
        let denial = Declared::at(Origin::ServiceAccount, key, &long).denial(if key == eks::ROLE_ARN {
            key::ROLE_ARN
        } else {
            ""
        });
        assert_eq!(denial.message, format!("{key}{}", message("on the service account batch")));
    }
}

/// Returns the settings of a pod with a variable that is too long, and with this setting in the defaults.
fn with_long_variable<T>(
    name: &str,
    setting: &str,
    read: impl FnOnce(Result<Settings<'_>, Denial>) -> T,
) -> T {
    let env = serde_json::json!([{"name": name, "value": "x".repeat((16 << 10) + 1)}]);
    let pod = serde_json::json!({"spec": {"containers": [{"name": "a", "env": env}]}}).to_string();
    let role = if setting.ends_with("irsa") { format!(", role-arn: '{ROLE}'") } else { String::new() };
    let yaml = format!("locked: []\nsettings: {{provider: '{PROVIDER}', {setting}{role}}}");
    let context = Context {
        namespace: "shop",
        service_account: None,
        namespace_metadata: None,
        defaults: &Defaults::from_yaml(&yaml).unwrap(),
    };
    read(resolve(&serde_json::from_str(&pod).unwrap(), &context))
}

/// The limit is Rolebridge's own: such a variable is of use for the app.
#[rstest]
#[case("AWS_REGION")]
#[case("HTTPS_PROXY")]
#[case("NO_PROXY")]
fn variable_of_the_app_over_the_maximum_length_is_ignored(#[case] name: &str) {
    with_long_variable(name, "aws-credentials: irsa", |settings| {
        let settings = settings.unwrap();
        assert!(settings.sidecar.https_proxy.is_none() && settings.sidecar.no_proxy.is_none());
        assert_eq!(settings.aws.unwrap().region.value, "us-east-1");
    });
}

#[test]
fn uri_of_the_credentials_over_the_maximum_length_is_denied_unparsed() {
    let name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let message =
        with_long_variable(name, "aws-credentials: pod-identity", |settings| settings.unwrap_err().message);
    assert_eq!(
        message,
        format!(
            "{name} on the pod: expected at most 16384 bytes, found 16385 bytes. Fix: shorten the value."
        )
    );
}
