//! What is refused, and in whose words: by the real webhook, and by Google.

use rolebridge_core::annotations::{INJECT, PORT, PROVIDER, ROLE_ARN, SOURCE, STS_ENDPOINT, TOKEN_LIFETIME};
use rolebridge_core::external_account::ConfigKind;
use rolebridge_tests::app::Line;
use rolebridge_tests::world::{APP, DEPLOYMENT, OTHER_ROLE, Variant};
use rolebridge_tests::{deployment, review};
use rstest::rstest;
use serde_json::json;

use crate::support::{PATIENCE, lines, world};

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_annotation_is_named_with_its_value() {
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
        let answer = world.admit(&world.pod(&variant).unwrap()).await.unwrap();
        assert!(!answer.allowed, "{key}={value}");
        assert_eq!((answer.code, &answer.patch), (Some(403), &None), "{key}={value}");
        let message = answer.message.unwrap();
        assert!(message.contains(key), "{key}={value}: {message}");
        assert!(key == STS_ENDPOINT || message.contains(value), "{key}={value}: {message}");
    }
    let (_, metrics) = world.webhook.page("/metrics").await.unwrap();
    assert!(metrics.contains("refused"), "{metrics}");
    assert!(!metrics.contains("loop-back"), "a metric carries a user's value:\n{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_applies_the_deployment_reads_the_same_sentence() {
    let world = world().await;
    let variant = Variant { annotations: vec![(PORT, "80808".to_owned())], ..Variant::default() };
    let refusal = world.admit(&world.pod(&variant).unwrap()).await.unwrap().message.unwrap();
    let mut deployment = deployment::read(DEPLOYMENT).unwrap();
    deployment["spec"]["template"]["metadata"]["annotations"][PORT] = json!("80808");
    let advice = world.webhook.advise(&review::of_deployment(&deployment)).await.unwrap();
    assert!(advice.allowed && advice.patch.is_none());
    assert!(
        advice.warnings.iter().any(|warning| warning.contains(&refusal)),
        "{:?}: {refusal}",
        advice.warnings
    );
}

#[rstest]
#[case::loopback(ConfigKind::Loopback)]
#[case::file(ConfigKind::File)]
#[tokio::test(flavor = "multi_thread")]
async fn google_refuses_a_role_that_the_account_does_not_trust(#[case] source: ConfigKind) {
    let world = world().await;
    let variant = Variant { source: Some(source), ..Variant::default() }.with_role(OTHER_ROLE).unwrap();
    let pod = world.place(&variant).await.unwrap();
    let mut running = pod.run(PATIENCE).await.unwrap();
    let app = running.process(APP).unwrap();
    assert!(!app.wait(PATIENCE).await.unwrap().success());
    let [Line::Failed(why)] = &lines(app)[..] else { panic!("{}", app.log().text()) };
    assert!(why.contains("Permission 'iam.serviceAccounts.getAccessToken' denied"), "{why}");
}
