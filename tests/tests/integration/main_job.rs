//! The main job end to end with both sources: through the real webhook, the real sidecar and Google's Rust library.

use rolebridge_core::annotations::METRICS_PORT;
use rolebridge_core::aws::DENY_ALL_SESSION_POLICY;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::pod_names::{CONTAINER, TOKEN_FILE};
use rolebridge_fake_clouds::{Detail, Operation};
use rolebridge_tests::ports::free_address;
use rolebridge_tests::world::{GOOGLE_ACCOUNT, Variant};
use rstest::rstest;

use crate::support::{TIMEOUT, exchanges, run_until_rows_are_read, sessions, world};

const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/nightly-report/shop.nightly-report";

#[rstest]
#[case::loopback(ConfigKind::Loopback)]
#[case::file(ConfigKind::File)]
#[tokio::test(flavor = "multi_thread")]
async fn annotated_pod_reads_rows(#[case] source: ConfigKind) {
    let world = world().await;
    let pod = world.create_pod(&Variant { source: Some(source), ..Variant::default() }).await.unwrap();
    let mut running = run_until_rows_are_read(&pod).await;

    let events = world.clouds.events();
    let [session] = sessions(&events)[..] else { panic!("{events:?}") };
    assert_eq!(session.session_arn, SESSION);
    assert_eq!(session.subject, "system:serviceaccount:shop:nightly-report");
    assert_eq!(session.session_policy.as_deref(), Some(DENY_ALL_SESSION_POLICY));
    let [exchanged] = exchanges(&events)[..] else { panic!("{events:?}") };
    assert_eq!(exchanged.attributes["google.subject"], SESSION);
    assert_eq!(
        exchanged.attributes["attribute.aws_role"],
        "arn:aws:sts::123456789012:assumed-role/nightly-report"
    );
    let signed = exchanged.signed_request().unwrap();
    assert_eq!(signed.host, "sts.eu-west-1.amazonaws.com");
    assert!(signed.audience_signed);
    assert_eq!(signed.access_key_id, session.access_key_id);
    let read = events.iter().find_map(|event| match &event.detail {
        Detail::TableRead { principal, rows, .. } => Some((principal.clone(), *rows)),
        _ => None,
    });
    assert_eq!(read, Some((format!("serviceAccount:{GOOGLE_ACCOUNT}"), 4)));

    // The sidecar still runs after the app exited, and has called AWS once.
    assert_eq!(running.process(CONTAINER).unwrap().try_wait().unwrap(), None);
    assert_eq!(world.clouds.calls(Operation::AssumeRoleWithWebIdentity), 1);
    let token = std::fs::read_to_string(pod.path(TOKEN_FILE)).unwrap();
    assert!(token.starts_with("%7B%22") && !token.contains(char::is_whitespace), "{token}");
    let status = running.process(CONTAINER).unwrap().terminate(TIMEOUT).await.unwrap();
    assert!(status.success(), "exit status of the sidecar after SIGTERM: {status}");
}

/// `tests/without-ipv6/run` runs it where every listener on `[::]` needs its replacement.
#[tokio::test(flavor = "multi_thread")]
async fn listeners_are_reached_by_ipv4() {
    let world = world().await;
    let port = free_address().unwrap().port();
    let variant = Variant { annotations: vec![(METRICS_PORT, port.to_string())], ..Variant::default() };
    let pod = world.create_pod(&variant).await.unwrap(); // by a review to 127.0.0.1
    let mut sidecar = pod.start_container(CONTAINER).unwrap();
    pod.wait_started(&mut sidecar, TIMEOUT).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (port, metric) in
        [(world.webhook.health().port(), "rolebridge_webhook_ready 1"), (port, "rolebridge_sidecar_")]
    {
        let response = client.get(format!("http://127.0.0.1:{port}/metrics")).send().await.unwrap();
        let metrics = response.text().await.unwrap();
        assert!(metrics.contains(metric), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn review_of_an_injected_pod_changes_nothing() {
    let world = world().await;
    let pod = world.pod(&Variant::default()).unwrap();
    let injected = world.admit(&pod).await.unwrap().apply(&pod).unwrap();
    let second = world.admit(&injected).await.unwrap();
    assert_eq!(second.apply(&injected).unwrap(), injected);
}

#[tokio::test(flavor = "multi_thread")]
async fn app_container_has_no_aws_configuration() {
    let world = world().await;
    let pod = world.create_pod(&Variant::default()).await.unwrap();
    let app = pod.manifest()["spec"]["containers"][0].to_string();
    assert!(!app.contains("AWS_") && !app.contains("rolebridge-aws-token"), "{app}");
}
