//! Each annotation: a good value from each place, and what a bad one gets to hear.

mod schema;
mod values;

use std::fmt::Write;

use rolebridge_core::annotations::{self as key, ALL, eks};

use self::values::{BAD, GOOD};
use super::*;
use crate::{Defaults, ObjectMetadata, Reason};

const PROVIDER: &str = "projects/1/locations/global/workloadIdentityPools/pool/providers/prod";
const ROLE: &str = "arn:aws:iam::123456789012:role/batch";

/// The four places.
#[derive(Default)]
struct Says<'a>([Vec<(&'a str, &'a str)>; 4]);

impl<'a> Says<'a> {
    fn at(place: Origin, key: &'a str, value: &'a str) -> Self {
        Self::default().and(place, key, value)
    }

    fn and(mut self, place: Origin, key: &'a str, value: &'a str) -> Self {
        self.0[place as usize].push((key, value));
        self
    }

    /// Resolves, for a pod with the containers `a`, `b` and `c`.
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

    /// With the two that nothing goes without, and what a chain of accounts needs, unless they are what is asked about.
    fn complete(mut self, about: &str) -> Self {
        let chain = [(key::SERVICE_ACCOUNT, "z@shop.iam.gserviceaccount.com"), (key::SOURCE, "metadata")];
        let chain = chain.into_iter().filter(|_| about == key::DELEGATES);
        for (key, value) in [(key::PROVIDER, PROVIDER), (key::ROLE_ARN, ROLE)].into_iter().chain(chain) {
            if about != key {
                self = self.and(Origin::Defaults, key, value);
            }
        }
        self
    }

    fn entry(self, about: &'static str) -> Option<(String, Origin)> {
        self.complete(about).resolve(|settings| {
            let entry = settings.unwrap().entries().find(|entry| entry.key == about)?;
            Some((entry.value, entry.origin))
        })
    }

    fn refusal(self, about: &str) -> Denial {
        self.complete(about).resolve(|settings| settings.unwrap_err())
    }
}

const PLACES: [Origin; 4] = [Origin::Pod, Origin::ServiceAccount, Origin::Namespace, Origin::Defaults];

#[test]
fn every_annotation_is_in_the_tables() {
    for annotation in ALL.iter().filter(|annotation| annotation.key != key::INJECT) {
        assert!(GOOD.iter().any(|(key, _)| *key == annotation.key), "{}", annotation.key);
        assert!(BAD.iter().any(|(key, _)| *key == annotation.key), "{}", annotation.key);
    }
}

#[test]
fn the_place_closest_to_the_pod_wins() {
    for (key, values) in GOOD {
        for first in 0..PLACES.len() {
            let mut says = Says::default();
            for (place, value) in PLACES.into_iter().zip(values).skip(first) {
                says = says.and(place, key, value);
            }
            let wanted = Some((values[first].to_owned(), PLACES[first]));
            assert_eq!(says.entry(key), wanted, "{key}");
        }
    }
}

#[test]
fn what_holds_where_nobody_says_it() {
    let says = Says::default().complete("").resolve(|settings| {
        let built_in = settings.unwrap();
        let entries = built_in.entries().filter(|entry| entry.origin == Origin::BuiltIn);
        entries.map(|entry| format!("{}: {}", entry.key, entry.value)).collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(says);
}

#[test]
fn a_bad_value_is_refused_in_a_sentence() {
    let mut sentences = String::new();
    for (key, values) in BAD {
        for value in *values {
            let refusal = Says::at(Origin::Pod, key, value).refusal(key);
            assert!(refusal.message.starts_with(key), "{}", refusal.message);
            assert!(!refusal.message.contains("secret"), "{}", refusal.message);
            writeln!(sentences, "[{}] {}", refusal.reason.code(), refusal.message).unwrap();
        }
    }
    insta::assert_snapshot!(sentences);
}

#[test]
fn a_sentence_says_where_the_value_stands() {
    for (place, message, depends) in [
        (
            Origin::Pod,
            "rolebridge.io/port on the pod: expected a port from 1024 to 65535, found \"80\".",
            false,
        ),
        (
            Origin::ServiceAccount,
            "rolebridge.io/port on the service account batch: expected a port from 1024 to 65535, found \"80\".",
            true,
        ),
        (
            Origin::Namespace,
            "rolebridge.io/port on the namespace shop: expected a port from 1024 to 65535, found \"80\".",
            true,
        ),
    ] {
        let refusal = Says::at(place, key::PORT, "80").refusal(key::PORT);
        assert_eq!((refusal.message.as_str(), refusal.depends_on_metadata), (message, depends));
    }
}

#[test]
fn the_defaults_refuse_what_a_pod_is_refused() {
    // What another setting or the pod makes bad is no fault of the value.
    let of_others = ["loopback,x=file", "cn-north-1", "x", "15080", "id-token=https://reports"];
    for (key, values) in BAD {
        for value in values.iter().filter(|value| !of_others.contains(value) && value.len() != 65) {
            let name = key.strip_prefix(key::PREFIX).unwrap();
            let of_pod = Says::at(Origin::Pod, key, value).refusal(key).message;
            let (_, end) = of_pod.split_once(" on the pod: ").unwrap();
            let error =
                Defaults::from_yaml(&format!("settings: {{{name}: '{value}'}}")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("defaults.yaml: settings.{name}: ")), "{error}");
            assert!(error.ends_with(end), "{error} for {of_pod}");
        }
    }
}

#[test]
fn eks_speaks_after_us_and_before_the_chart() {
    let other = "arn:aws:iam::123456789012:role/eks";
    let eks = |key, value| Says::at(Origin::ServiceAccount, key, value);
    for (says, about, wanted) in [
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
        assert_eq!(says.entry(about), Some((wanted.0.to_owned(), wanted.1)));
    }
    let message = eks(eks::ROLE_ARN, "batch").refusal(key::ROLE_ARN).message;
    assert!(
        message.starts_with(
            "eks.amazonaws.com/role-arn on the service account batch: expected the ARN of an IAM role"
        ),
        "{message}"
    );
}

#[test]
fn a_session_name_fits_beside_its_role() {
    for (partition, both) in [("aws", 87), ("aws-cn", 84), ("aws-us-gov", 80)] {
        let role = format!("arn:{partition}:iam::123456789012:role/team/{}", "r".repeat(60));
        let resolve = |len: usize| {
            let name = "n".repeat(len);
            let says = Says::at(Origin::Pod, key::ROLE_ARN, &role).and(Origin::Pod, key::SESSION_NAME, &name);
            says.and(Origin::Defaults, key::PROVIDER, PROVIDER).resolve(|settings| settings.map(drop))
        };
        assert_eq!(resolve(both - 60), Ok(()), "{partition}");
        let refusal = resolve(both - 60 + 1).unwrap_err();
        assert!(
            refusal.message.contains(&format!("leaves {} for the name", both - 60)),
            "{}",
            refusal.message
        );
    }
}

#[test]
fn a_proxys_password_is_not_explained() {
    let proxy = "http://user:secret@proxy:3128";
    for place in PLACES {
        let entry = Says::at(place, key::HTTPS_PROXY, proxy).entry(key::HTTPS_PROXY);
        assert_eq!(entry, Some(("http://…@proxy:3128".to_owned(), place)));
    }
    let metadata = serde_json::json!({"annotations": {key::HTTPS_PROXY: "user:secret@proxy"}});
    let pod = serde_json::json!({"metadata": metadata, "spec": {"containers": []}}).to_string();
    let pod: crate::Pod<'_> = serde_json::from_str(&pod).unwrap();
    let defaults = Defaults::default();
    let context =
        Context { namespace: "shop", service_account: None, namespace_metadata: None, defaults: &defaults };
    let refused: Vec<_> = declared_settings(&pod, &context).map(|entry| entry.value).collect();
    assert_eq!(refused, ["…@proxy"]);
}

#[test]
fn what_is_lacking_is_said() {
    let no_provider = Says::at(Origin::Pod, key::ROLE_ARN, ROLE).resolve(|settings| settings.unwrap_err());
    let no_role = Says::at(Origin::Pod, key::PROVIDER, PROVIDER).resolve(|settings| settings.unwrap_err());
    assert_eq!((no_provider.reason, no_role.reason), (Reason::NoProvider, Reason::NoAwsIdentity));
    insta::assert_snapshot!(format!("{}\n{}", no_provider.message, no_role.message));
}

#[test]
fn a_bad_value_is_told_before_a_lack() {
    let refusal =
        Says::at(Origin::Namespace, key::LOG_LEVEL, "loud").resolve(|settings| settings.unwrap_err());
    assert_eq!(refusal.reason, Reason::BadValue);
}

#[test]
fn a_request_above_its_limit_is_refused_where_somebody_said_both() {
    let says = |place| Says::at(Origin::Pod, key::CPU_REQUEST, "2").and(place, key::CPU_LIMIT, "1");
    let refusal = says(Origin::Namespace).refusal("");
    assert_eq!(
        refusal.message,
        "rolebridge.io/cpu-request: \"2\" (on the pod) is more than rolebridge.io/cpu-limit: \"1\" (on the namespace shop)."
    );
    assert!(refusal.depends_on_metadata);
    assert!(says(Origin::Defaults).complete("").resolve(|settings| settings.is_ok()));
}

#[test]
fn the_region_that_the_apps_use_comes_before_the_charts() {
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
    let of_app = r#"{"name":"AWS_REGION","value":"eu-west-1"}"#;
    let of_chart = ", aws-region: eu-west-3";
    for (role, env, chart, wanted) in [
        (ROLE, of_app, of_chart, ("eu-west-1", Origin::Pod)),
        (ROLE, r#"{"name":"AWS_DEFAULT_REGION","value":"eu-west-2"}"#, of_chart, ("eu-west-2", Origin::Pod)),
        (ROLE, r#"{"name":"AWS_REGION","value":"nowhere"}"#, of_chart, ("eu-west-3", Origin::Defaults)),
        (ROLE, r#"{"name":"AWS_REGION","valueFrom":{}}"#, "", ("us-east-1", Origin::BuiltIn)),
        (ROLE, "", of_chart, ("eu-west-3", Origin::Defaults)),
        (china, of_app, of_chart, ("cn-north-1", Origin::BuiltIn)),
    ] {
        assert_eq!(region(role, env, chart), (wanted.0.to_owned(), wanted.1), "{role} {env} {chart}");
    }
}
