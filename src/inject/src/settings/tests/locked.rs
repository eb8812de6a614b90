//! Locked settings: only the namespace and the chart's defaults set them.

use rolebridge_core::annotations::{self as key, ALL};
use rolebridge_core::aws::POD_IDENTITY_URI;
use rstest::rstest;
use serde_json::json;

use super::values::VALID;
use super::{PROVIDER, ROLE};
use crate::context::Context;
use crate::defaults::Defaults;
use crate::object_metadata::ObjectMetadata;
use crate::reason::Reason;
use crate::settings::{Credentials, ignored_values, resolve};

#[test]
fn locked_annotation_is_denied_on_the_pod_and_the_service_account_only() {
    for annotation in ALL.iter().filter(|annotation| annotation.key != key::INJECT) {
        let name = annotation.key.strip_prefix(key::PREFIX).unwrap();
        let (_, [value, ..]) = VALID.iter().find(|(key, _)| *key == annotation.key).unwrap();
        let required = [("provider", PROVIDER), ("role-arn", ROLE)];
        let required = required.iter().filter(|(required, _)| *required != name);
        let required: Vec<_> = required.map(|(name, value)| format!("  {name}: '{value}'\n")).collect();
        let defaults =
            Defaults::from_yaml(&format!("locked: [{name}]\nsettings:\n{}", required.concat())).unwrap();
        let reason = |place: usize| {
            let declared = |this: usize| (this == place).then_some((annotation.key, *value));
            let annotations: std::collections::BTreeMap<_, _> = declared(0).into_iter().collect();
            let pod =
                json!({"metadata": {"annotations": annotations}, "spec": {"containers": [{"name": "a"}]}});
            let context = Context {
                namespace: "shop",
                service_account: Some(&ObjectMetadata::new(declared(1), [])),
                namespace_metadata: Some(&ObjectMetadata::new(declared(2), [])),
                defaults: &defaults,
            };
            resolve(&serde_json::from_str(&pod.to_string()).unwrap(), &context)
                .err()
                .map(|denial| denial.reason)
        };
        assert_eq!([reason(0), reason(1)], [Some(Reason::Locked); 2], "{name}");
        assert_ne!(reason(2), Some(Reason::Locked), "{name}");
    }
}

#[rstest]
#[case("", "http://127.0.0.1:8080/v1/credentials", "http://127.0.0.1:8080/v1/credentials", "")]
#[case("role-arn", "http://127.0.0.1:8080/v1/credentials", POD_IDENTITY_URI, "rolebridge.io/role-arn")]
#[case("aws-credentials", "http://[::1]/", POD_IDENTITY_URI, "rolebridge.io/aws-credentials")]
#[case("aws-credentials", "http://[fd00:ec2::23]/v1/credentials", "http://[fd00:ec2::23]/v1/credentials", "")]
fn locked_agent_is_not_on_loopback(
    #[case] locked: &str,
    #[case] declared: &str,
    #[case] expected: &str,
    #[case] ignored: &str,
) {
    let env = json!([{"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": declared}]);
    let pod = json!({"spec": {"containers": [{"name": "a", "env": env}]}}).to_string();
    let settings = format!("provider: '{PROVIDER}', aws-credentials: pod-identity");
    let context = Context {
        namespace: "shop",
        service_account: None,
        namespace_metadata: None,
        defaults: &Defaults::from_yaml(&format!("locked: [{locked}]\nsettings: {{{settings}}}")).unwrap(),
    };
    let pod = serde_json::from_str(&pod).unwrap();
    let settings = resolve(&pod, &context).unwrap();
    let Credentials::PodIdentity { uri } = settings.aws.as_ref().unwrap().credentials.value else { panic!() };
    assert_eq!(uri, expected);
    let values: Vec<_> = ignored_values(&pod, &context, &settings).map(|value| value.setting).collect();
    assert_eq!(values.join(","), ignored);
}
