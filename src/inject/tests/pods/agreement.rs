//! What admission takes, the sidecar takes: it reads its settings from the environment that it gets, for every pod that is
//! injected and every value that means something.

use std::ffi::OsString;

use proptest::prelude::*;
use rolebridge_core::annotations as key;
use rolebridge_core::pod_names::{CONTAINER, DEFAULT_PORT};
use rolebridge_inject::{Decision, Defaults};
use rolebridge_sidecar::settings::{Settings, Variables};
use serde_json::{Value, json};

use crate::case::{Case, files, named, patched};
use crate::generate;

const PROVIDER: &str = "projects/123456789012/locations/global/workloadIdentityPools/aws/providers/prod";

/// What the sidecar of a pod makes of its environment; nothing if it has none.
fn read(pod: &Value) -> Option<Result<Settings, String>> {
    let mut containers = pod["spec"]["initContainers"].as_array()?.iter();
    let env = containers.find(|one| one["name"] == CONTAINER)?["env"].as_array()?;
    let variable = |name: &str| {
        let found = env.iter().find(|variable| variable["name"] == name)?;
        found["value"].as_str().map(OsString::from)
    };
    Some(Settings::read(&Variables::new(&variable)).map_err(|error| error.to_string()))
}

/// The pod `minimal` with an annotation, if it is admitted.
fn with(annotation: &str, value: &str) -> Option<Value> {
    let mut case = named("minimal");
    case.pod["metadata"]["annotations"][annotation] = json!(value);
    case.defaults = Defaults::from_yaml(&format!("locked: []\nsettings: {{provider: {PROVIDER}}}")).unwrap();
    patched(&case.pod, &case.admit(&case.pod))
}

#[test]
fn every_case_that_is_injected() {
    let mut injected = 0;
    for file in files() {
        let case = Case::read(&file);
        let admission = case.admit(&case.pod);
        if let Some(settings) = patched(&case.pod, &admission).as_ref().and_then(read) {
            assert!(settings.is_ok(), "{}: {settings:?}", file.display());
            injected += 1;
        }
    }
    assert!(injected > 100, "{injected}");
}

#[test]
fn an_admitted_value_arrives_as_it_was_meant() {
    let pod = with(key::HTTPS_PROXY, "http://batch:p%23w@proxy.example.internal:3128").unwrap();
    let settings = read(&pod).unwrap().unwrap();
    let proxy = settings.identity.connection.proxy.unwrap();
    assert_eq!(proxy.expose(), "http://batch:p%23w@proxy.example.internal:3128");
    assert_eq!(settings.local.unwrap().port, DEFAULT_PORT);
}

/// The annotations whose value the sidecar gets, and what is near to a good one.
fn near() -> impl Strategy<Value = (&'static str, String)> {
    let one = |key: &'static str, like: &str| {
        let like = prop::string::string_regex(like).unwrap();
        like.prop_map(move |value| (key, value))
    };
    prop_oneof![
        one(key::HTTPS_PROXY, "http://([ -~]{0,6}(:[ -~]{0,6})?@)?[a-z0-9.:\\[\\]-]{1,12}(:[0-9]{1,6})?/?"),
        one(key::AWS_STS_ENDPOINT, "https?://[a-zA-Z0-9.:\\[\\]@?#/-]{1,16}(:[0-9]{1,6})?/?"),
        one(key::STS_ENDPOINT, "https?://[a-zA-Z0-9.:\\[\\]@?#/-]{1,16}(:[0-9]{1,6})?/?"),
        one(key::ROLE_ARN, "arn:aws:iam::[0-9]{11,12}:role/[ -~]{0,12}"),
        one(key::SESSION_NAME, "[a-zA-Z0-9_+=,.@ -]{1,12}"),
        one(key::AWS_REGION, "[a-z]{2}(-[a-z]{1,5}){1,2}-[0-9a]{1,2}"),
        one(
            key::PROVIDER,
            "projects/[0-9]{1,20}/locations/global/workloadIdentityPools/[a-zA-Z0-9_-]{1,33}/providers/[a-z0-9-]{1,33}"
        ),
        one(key::UNIVERSE_DOMAIN, "[a-zA-Z0-9._-]{1,6}\\.[a-zA-Z0-9._-]{1,6}"),
        one(key::SERVICE_ACCOUNT, "[a-zA-Z0-9._-]{0,6}@[a-z0-9.-]{0,6}\\.(iam\\.)?gserviceaccount\\.com"),
        one(key::PROJECT, "([a-z.]{1,6}:)?[a-zA-Z][a-z0-9-]{4,8}"),
        one(key::OUTPUTS, "(access-token|id-token=[ -~]{0,8}),?(access-token)?"),
        one(key::PORT, "[+ ]?[0-9]{1,6}"),
        one(key::TOKEN_LIFETIME, "[+ ]?[0-9]{1,6}"),
        one(key::STARTUP_TIMEOUT, "[+ ]?[0-9]{1,6}"),
        one(key::NO_PROXY, "[ -~]{1,12}"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value((annotation, value) in near()) {
        if let Some(settings) = with(annotation, &value).as_ref().and_then(read) {
            prop_assert!(settings.is_ok(), "{} {:?}: {:?}", annotation, value, settings);
        }
    }

    #[test]
    fn any_pod(case in generate::case()) {
        let admission = case.admit(&case.pod);
        if matches!(admission.decision, Decision::Patch(_))
            && let Some(settings) = patched(&case.pod, &admission).as_ref().and_then(read)
        {
            prop_assert!(settings.is_ok(), "{:?}", settings);
        }
    }
}
