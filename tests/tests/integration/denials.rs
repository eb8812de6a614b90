//! Denials by the real webhook and rejections by Google, with the messages that the user reads.

use rolebridge_core::annotations::{INJECT, PORT, PROVIDER, ROLE_ARN, SOURCE, STS_ENDPOINT, TOKEN_LIFETIME};
use rolebridge_core::external_account::ConfigKind;
use rolebridge_tests::app::RunResult;
use rolebridge_tests::world::{APP, DEPLOYMENT, UNTRUSTED_ROLE, Variant};
use rolebridge_tests::{deployment, review};
use rstest::rstest;
use serde_json::json;

use crate::support::{TIMEOUT, results, world};

#[tokio::test(flavor = "multi_thread")]
async fn invalid_annotation_is_denied_with_key_and_value() {
    let world = world().await;
    for (key, value) in [
        (INJECT, "True"),
        (SOURCE, "loop-back"),
        (PORT, "80808"),
        (PROVIDER, "projects/x"),
        (ROLE_ARN, "nightly-report"),
        (TOKEN_LIFETIME, "1h"),
        (STS_ENDPOINT, "https://sts.example.com"),
    ] {
        let variant = Variant { annotations: vec![(key, value.to_owned())], ..Variant::default() };
        let response = world.admit(&world.pod(&variant).unwrap()).await.unwrap();
        assert!(!response.allowed, "{key}={value}");
        assert_eq!((response.code, &response.patch), (Some(403), &None), "{key}={value}");
        let message = response.message.unwrap();
        assert!(message.contains(key), "{key}={value}: {message}");
        assert!(key == STS_ENDPOINT || message.contains(value), "{key}={value}: {message}");
    }
    let (_, metrics) = world.webhook.get("/metrics").await.unwrap();
    assert!(metrics.contains("outcome=\"denied\""), "{metrics}");
    assert!(!metrics.contains("loop-back"), "a metric contains a user's value:\n{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deployment_gets_the_denial_of_its_pod_as_a_warning() {
    let world = world().await;
    let variant = Variant { annotations: vec![(PORT, "80808".to_owned())], ..Variant::default() };
    let denial = world.admit(&world.pod(&variant).unwrap()).await.unwrap().message.unwrap();
    let mut deployment = deployment::parse(DEPLOYMENT).unwrap();
    deployment["spec"]["template"]["metadata"]["annotations"][PORT] = json!("80808");
    let response = world.webhook.review_workload(&review::for_deployment(&deployment)).await.unwrap();
    assert!(response.allowed && response.patch.is_none());
    assert!(
        response.warnings.iter().any(|warning| warning.contains(&denial)),
        "{:?}: {denial}",
        response.warnings
    );
}

#[rstest]
#[case::loopback(ConfigKind::Loopback)]
#[case::file(ConfigKind::File)]
#[tokio::test(flavor = "multi_thread")]
async fn google_rejects_a_role_that_the_account_does_not_trust(#[case] source: ConfigKind) {
    let world = world().await;
    let variant = Variant { source: Some(source), ..Variant::default() }.with_role(UNTRUSTED_ROLE).unwrap();
    let pod = world.create_pod(&variant).await.unwrap();
    let mut running = pod.run(TIMEOUT).await.unwrap();
    let app = running.process(APP).unwrap();
    assert!(!app.wait(TIMEOUT).await.unwrap().success());
    let [RunResult::Failed(error)] = &results(app)[..] else { panic!("{}", app.log().text()) };
    assert!(error.contains("Permission 'iam.serviceAccounts.getAccessToken' denied"), "{error}");
}
