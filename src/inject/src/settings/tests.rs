//! Each annotation: a good value from each place, and what a bad one gets to hear.

use std::fmt::Write;

use rolebridge_contract::annotations::{self as key, ALL, eks};

use super::*;
use crate::{Defaults, Metadata, Reason};

const PROVIDER: &str = "projects/1/locations/global/workloadIdentityPools/pool/providers/prod";
const ROLE: &str = "arn:aws:iam::123456789012:role/batch";

/// Each annotation that holds a value, with one good value for each of the four places.
const GOOD: &[(&str, [&str; 4])] = &[
    (
        key::PROVIDER,
        [
            "projects/11/locations/global/workloadIdentityPools/pool/providers/prod",
            "projects/12/locations/global/workloadIdentityPools/pool/providers/prod",
            "projects/13/locations/global/workloadIdentityPools/pool/providers/prod",
            "projects/14/locations/global/workloadIdentityPools/pool/providers/prod",
        ],
    ),
    (
        key::SERVICE_ACCOUNT,
        [
            "a@shop.iam.gserviceaccount.com",
            "b@shop.iam.gserviceaccount.com",
            "c@shop.iam.gserviceaccount.com",
            "d@shop.iam.gserviceaccount.com",
        ],
    ),
    (key::IDENTITY, ["aws-role"; 4]),
    (key::SOURCE, ["file", "loopback", "loopback,a=file", "file,b=loopback"]),
    (
        key::ROLE_ARN,
        [
            "arn:aws:iam::123456789012:role/a",
            "arn:aws:iam::123456789012:role/b",
            "arn:aws:iam::123456789012:role/c",
            "arn:aws:iam::123456789012:role/d",
        ],
    ),
    (key::AWS_TOKEN_LIFETIME, ["600", "3600", "43200", "86400"]),
    (key::AWS_CREDENTIALS, ["irsa"; 4]),
    (key::AWS_REGION, ["eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1"]),
    (key::SESSION_NAME, ["aa", "bb", "cc", "dd"]),
    (key::PROJECT, ["project-a", "project-b", "project-c", "example.com:project-d"]),
    (key::QUOTA_PROJECT, ["project-a", "project-b", "project-c", "project-d"]),
    (key::TOKEN_LIFETIME, ["600", "1200", "1800", "43200"]),
    (key::CONTAINERS, ["a", "b", "a,b", "c"]),
    (key::SKIP_CONTAINERS, ["a", "b", "a,b", "c"]),
    (key::PORT, ["1024", "16000", "17000", "65535"]),
    (key::METRICS_PORT, ["1024", "16000", "17000", "65535"]),
    (key::AWS_STS_ENDPOINT, ["https://a", "https://b", "https://c", "https://d"]),
    (key::STS_ENDPOINT, ["https://a", "https://b", "https://c:8443", "http://127.0.0.1:8080"]),
    (key::IAM_CREDENTIALS_ENDPOINT, ["https://a", "https://b", "https://c", "https://d"]),
    (key::UNIVERSE_DOMAIN, ["a.example", "b.example", "c.example", "d.example"]),
    (key::CA_BUNDLE, ["roots/a.pem", "roots/b.pem", "roots/c.pem", "roots/d.pem"]),
    (key::HTTPS_PROXY, ["http://a:3128", "http://b:3128", "http://c:3128", "http://d:3128"]),
    (key::NO_PROXY, [".a", ".b,10.0.0.0/8", "c", "*"]),
    (key::STARTUP_TIMEOUT, ["1", "60", "300", "86400"]),
    (key::CPU_REQUEST, ["1m", "2m", "0.003", "4m"]),
    (key::CPU_LIMIT, ["100m", "0.2", "1", "2"]),
    (key::MEMORY_REQUEST, ["1Mi", "16Mi", "24Mi", "32M"]),
    (key::MEMORY_LIMIT, ["16Mi", "64Mi", "0.5Gi", "100M"]),
    (key::LOG_LEVEL, ["error", "warn", "debug", "trace"]),
];

/// Values that are refused; the snapshot has the sentences.
const BAD: &[(&str, &[&str])] = &[
    (
        key::PROVIDER,
        &[
            "",
            "prod",
            "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/prod",
            "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/prod",
            "projects/shop/locations/global/workloadIdentityPools/pool/providers/prod",
        ],
    ),
    (key::SERVICE_ACCOUNT, &["batch", "batch@example.com"]),
    (key::DELEGATES, &["a@shop.iam.gserviceaccount.com"]),
    (key::IDENTITY, &["aws-jwt", "kubernetes", "aws"]),
    (key::SOURCE, &["metadata", "loopback,a=metadata", "loopback,file", "url", "loopback,x=file"]),
    (key::ROLE_ARN, &["batch", "arn:aws:iam::1:role/batch"]),
    (key::AWS_TOKEN_LIFETIME, &["599", "86401", "1h"]),
    (key::AWS_CREDENTIALS, &["pod-identity", "node"]),
    (key::AWS_REGION, &["eu-west-1a", "cn-north-1"]),
    (key::SESSION_NAME, &["", "a b", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg"]),
    (key::PROJECT, &["Shop"]),
    (key::QUOTA_PROJECT, &["12345678"]),
    (key::TOKEN_LIFETIME, &["99999", "3600s", "-1", "+3600", ""]),
    (key::CONTAINERS, &["x", "a,,b", ""]),
    (key::SKIP_CONTAINERS, &["x", "A"]),
    (key::OUTPUTS, &["access-token"]),
    (key::PORT, &["80", "65536", "http"]),
    (key::METRICS_PORT, &["80", "15080"]),
    (key::AWS_STS_ENDPOINT, &["sts.example.internal"]),
    (key::STS_ENDPOINT, &["http://sts.example.internal"]),
    (key::IAM_CREDENTIALS_ENDPOINT, &["https://iam.example.internal/v1"]),
    (key::UNIVERSE_DOMAIN, &["https://googleapis.com", "universe"]),
    (key::CA_BUNDLE, &["roots", "Roots/ca.pem", "roots/a/b"]),
    (key::HTTPS_PROXY, &["proxy:3128", "socks5://user:secret@proxy"]),
    (key::NO_PROXY, &["a;b", ""]),
    (key::STARTUP_TIMEOUT, &["0", "5m"]),
    (key::CPU_REQUEST, &["fast", "0"]),
    (key::CPU_LIMIT, &["0.0001"]),
    (key::MEMORY_REQUEST, &["24m", "much"]),
    (key::MEMORY_LIMIT, &["15Mi", "16m"]),
    (key::LOG_LEVEL, &["INFO"]),
];

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
    fn resolve<T>(&self, read: impl FnOnce(Result<Settings<'_>, Refusal>) -> T) -> T {
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
        let metadata = |annotations: &[(&str, &str)]| Metadata::new(annotations.iter().copied(), []);
        let context = Context {
            namespace: "shop",
            service_account: Some(&metadata(service_account)),
            namespace_metadata: Some(&metadata(namespace)),
            defaults: &Defaults::from_yaml(&yaml).unwrap(),
        };
        read(resolve(&serde_json::from_str(&pod).unwrap(), &context))
    }

    /// With the two that nothing goes without, unless they are what is asked about.
    fn complete(self, about: &str) -> Self {
        let with_provider =
            if about == key::PROVIDER { self } else { self.and(Origin::Defaults, key::PROVIDER, PROVIDER) };
        if about == key::ROLE_ARN {
            with_provider
        } else {
            with_provider.and(Origin::Defaults, key::ROLE_ARN, ROLE)
        }
    }

    fn entry(self, about: &'static str) -> Option<(String, Origin)> {
        self.complete(about).resolve(|settings| {
            let entry = settings.unwrap().entries().find(|entry| entry.key == about)?;
            Some((entry.value, entry.origin))
        })
    }

    fn refusal(self, about: &str) -> Refusal {
        self.complete(about).resolve(|settings| settings.unwrap_err())
    }
}

const PLACES: [Origin; 4] = [Origin::Pod, Origin::ServiceAccount, Origin::Namespace, Origin::Defaults];

#[test]
fn every_annotation_is_in_the_tables() {
    for annotation in ALL.iter().filter(|annotation| annotation.key != key::INJECT) {
        let unsupported = [key::DELEGATES, key::OUTPUTS].contains(&annotation.key);
        assert_eq!(GOOD.iter().any(|(key, _)| *key == annotation.key), !unsupported, "{}", annotation.key);
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
        (Origin::Pod, "rolebridge.io/port: \"80\" (on the pod) is not a port from 1024 to 65535.", false),
        (
            Origin::ServiceAccount,
            "rolebridge.io/port: \"80\" (on the service account batch) is not a port from 1024 to 65535.",
            true,
        ),
        (
            Origin::Namespace,
            "rolebridge.io/port: \"80\" (on the namespace shop) is not a port from 1024 to 65535.",
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
    let of_others = ["loopback,x=file", "cn-north-1", "x", "15080"];
    for (key, values) in BAD {
        for value in values.iter().filter(|value| !of_others.contains(value) && value.len() != 65) {
            let name = key.strip_prefix(key::PREFIX).unwrap();
            let of_pod = Says::at(Origin::Pod, key, value).refusal(key).message;
            let (_, end) = of_pod.split_once(" (on the pod) ").unwrap();
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
        message.starts_with("eks.amazonaws.com/role-arn: \"batch\" (on the service account batch)"),
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
