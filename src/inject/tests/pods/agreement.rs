//! Checks that the sidecar accepts its environment for every injected pod and every valid value.

use std::ffi::OsString;

use proptest::prelude::*;
use rolebridge_core::annotations as key;
use rolebridge_core::pod_names::{CONTAINER, DEFAULT_PORT};
use rolebridge_inject::{Decision, Defaults, Reason};
use rolebridge_sidecar::settings::{Env, Settings};
use rolebridge_sidecar::token_kind::TokenKind;
use serde_json::{Value, json};

use crate::case::{Case, files, named, patched};
use crate::generate;

const PROVIDER: &str = "projects/123456789012/locations/global/workloadIdentityPools/aws-pool/providers/prod";

/// Reads the settings of the pod's sidecar from its environment. Returns `None` if the pod has no sidecar.
pub(crate) fn read(pod: &Value) -> Option<Result<Settings, String>> {
    let mut containers = pod["spec"]["initContainers"].as_array()?.iter();
    let env = containers.find(|container| container["name"] == CONTAINER)?["env"].as_array()?;
    let variable = |name: &str| {
        let variable = env.iter().rfind(|variable| variable["name"] == name)?;
        variable["value"].as_str().map(expand).map(OsString::from)
    };
    Some(Settings::read(&Env::new(&variable)).map_err(|error| error.to_string()))
}

/// Expands a value as the kubelet does, in a container without other variables.
///
/// Source: `expansion.Expand` in `kubernetes/third_party/forked/golang`.
fn expand(value: &str) -> String {
    let (mut text, mut rest) = (String::new(), value);
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let escaped = after.strip_prefix('$');
        assert!(escaped.is_some() || !after.starts_with('('), "{value} refers to another variable");
        text.push('$');
        rest = escaped.unwrap_or(after);
    }
    text + rest
}

#[test]
fn dollar_in_a_value_is_not_expanded() {
    for audience in ["$(HOME)", "$$", "$$(HOME)$", "$(ROLEBRIDGE_AUDIENCE)", "a$b", "$$$(x)"] {
        let mut case = named("outputs");
        case.pod["metadata"]["annotations"][key::OUTPUTS] = json!(format!("id-token={audience}"));
        let pod = patched(&case.pod, &case.admit(&case.pod)).unwrap();
        let files = read(&pod).unwrap().unwrap().token_files;
        let TokenKind::Id { audience: found, .. } = &files[0].kind else { panic!("{files:?}") };
        assert_eq!(found, audience);
        assert_eq!(case.admit(&pod).decision, Decision::Skip(Reason::AlreadyInjected));
    }
}

#[test]
fn proxy_of_the_app_with_an_escaped_dollar_is_the_same_in_the_sidecar() {
    let mut case = named("minimal");
    case.pod["spec"]["containers"][0]["env"] =
        json!([{"name": "HTTPS_PROXY", "value": "http://batch:p$$w@proxy.example.internal:3128"}]);
    let pod = patched(&case.pod, &case.admit(&case.pod)).unwrap();
    let proxy = read(&pod).unwrap().unwrap().identity.connection.proxy.unwrap();
    assert_eq!(proxy.expose(), "http://batch:p$w@proxy.example.internal:3128");
}

/// Returns the pod `minimal` with an annotation, patched, if it is injected.
fn with(annotation: &str, value: &str) -> Option<Value> {
    let mut case = named("minimal");
    case.pod["metadata"]["annotations"][annotation] = json!(value);
    case.defaults = Defaults::from_yaml(&format!("locked: []\nsettings: {{provider: {PROVIDER}}}")).unwrap();
    patched(&case.pod, &case.admit(&case.pod))
}

#[test]
fn sidecar_of_every_injected_case_reads_its_settings() {
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
fn sidecar_reads_the_admitted_value() {
    let pod = with(key::HTTPS_PROXY, "http://batch:p%23w@proxy.example.internal:3128").unwrap();
    let settings = read(&pod).unwrap().unwrap();
    let proxy = settings.identity.connection.proxy.unwrap();
    assert_eq!(proxy.expose(), "http://batch:p%23w@proxy.example.internal:3128");
    assert_eq!(settings.server.unwrap().port, DEFAULT_PORT);
}

/// Generates annotations of the sidecar with values that are similar to valid ones.
fn similar_values() -> impl Strategy<Value = (&'static str, String)> {
    let matching = |key: &'static str, pattern: &str| {
        let values = prop::string::string_regex(pattern).unwrap();
        values.prop_map(move |value| (key, value))
    };
    prop_oneof![
        matching(
            key::HTTPS_PROXY,
            "http://([ -~]{0,6}(:[ -~]{0,6})?@)?[a-z0-9.:\\[\\]-]{1,12}(:[0-9]{1,6})?/?"
        ),
        matching(key::AWS_STS_ENDPOINT, "https?://[a-zA-Z0-9.:\\[\\]@?#/-]{1,16}(:[0-9]{1,6})?/?"),
        matching(key::STS_ENDPOINT, "(https?://[a-zA-Z0-9.:\\[\\]@?#/-]{1,16}(:[0-9]{1,6})?/?,? ?){1,9}"),
        matching(key::ROLE_ARN, "arn:aws:iam::[0-9]{11,12}:role/[ -~]{0,12}"),
        matching(key::SESSION_NAME, "[a-zA-Z0-9_+=,.@ -]{1,12}"),
        matching(key::AWS_REGION, "[a-z]{2}(-[a-z]{1,5}){1,2}-[0-9a]{1,2}"),
        matching(
            key::PROVIDER,
            "projects/[0-9]{1,20}/locations/global/workloadIdentityPools/(gcp)?[a-z0-9_-]{2,32}/providers/[a-z0-9-]{2,33}"
        ),
        matching(key::UNIVERSE_DOMAIN, "[a-zA-Z0-9._-]{1,6}\\.[a-zA-Z0-9._-]{1,6}"),
        matching(
            key::SERVICE_ACCOUNT,
            "[a-zA-Z0-9._-]{0,6}@[a-z0-9.-]{0,6}\\.(iam\\.)?gserviceaccount\\.com"
        ),
        matching(key::PROJECT, "([a-z.]{1,6}:)?[a-zA-Z][a-z0-9-]{4,8}"),
        matching(key::OUTPUTS, "(access-token|id-token=[ -~]{0,8}),?(access-token)?"),
        matching(key::PORT, "[+ ]?[0-9]{1,6}"),
        matching(key::TOKEN_LIFETIME, "[+ ]?[0-9]{1,6}"),
        matching(key::STARTUP_TIMEOUT, "[+ ]?[0-9]{1,6}"),
        matching(key::NO_PROXY, "[ -~]{1,12}"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sidecar_accepts_every_admitted_value((annotation, value) in similar_values()) {
        if let Some(settings) = with(annotation, &value).as_ref().and_then(read) {
            prop_assert!(settings.is_ok(), "{} {:?}: {:?}", annotation, value, settings);
        }
    }

    #[test]
    fn sidecar_accepts_every_injected_pod(case in generate::case()) {
        let admission = case.admit(&case.pod);
        if matches!(admission.decision, Decision::Patch(_))
            && let Some(settings) = patched(&case.pod, &admission).as_ref().and_then(read)
        {
            prop_assert!(settings.is_ok(), "{:?}", settings);
        }
    }
}
