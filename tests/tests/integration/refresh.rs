//! Renewal and failures of the clouds: the app keeps working, or gets the error.

use std::time::Duration;

use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::pod_names::{AWS_TOKEN_VOLUME, CONTAINER};
use rolebridge_fake_clouds::{Calls, Detail, Event, Fault, Operation};
use rolebridge_tests::app::RunResult;
use rolebridge_tests::fake_kubelet::{Pod, RunningPod};
use rolebridge_tests::world::{APP, Variant, World, wait_for_event};
use rstest::rstest;

use crate::support::{TIMEOUT, results, rows, sessions, short_lived_credentials, world, world_with};

const ASSUME: Operation = Operation::AssumeRoleWithWebIdentity;

fn with_source(source: ConfigKind) -> Variant {
    Variant { source: Some(source), ..Variant::default() }
}

fn running_repeatedly(source: ConfigKind) -> Variant {
    Variant { interval: Some(Duration::from_millis(200)), ..with_source(source) }
}

async fn start_pod(world: &World, variant: &Variant) -> (Pod, RunningPod) {
    let pod = world.create_pod(variant).await.unwrap();
    let running = pod.run(TIMEOUT).await.unwrap();
    (pod, running)
}

/// Waits until Google has accepted a token of the newest session, and then for two more runs of the app.
async fn wait_until_newest_session_is_used(world: &World, running: &mut RunningPod) {
    let key = sessions(&world.clouds.events()).last().unwrap().access_key_id.clone();
    wait_for_call(world, |event| match &event.detail {
        Detail::TokenExchanged(exchanged) => {
            event.error.is_none()
                && exchanged.signed_request().is_some_and(|signed| signed.access_key_id == key)
        }
        _ => false,
    })
    .await;
    let app = running.process(APP).unwrap();
    let mut next = app.log().lines().len();
    for _ in 0..2 {
        (_, next) = app.log().wait_for_line(next, TIMEOUT, |_| true).await.unwrap();
    }
}

/// Waits until the clouds have received a matching call, unless they already have.
async fn wait_for_call(world: &World, matches: impl Fn(&Event) -> bool) {
    let mut events = world.clouds.subscribe();
    if !world.clouds.events().iter().any(&matches) {
        wait_for_event(&mut events, TIMEOUT, "the expected call", matches).await.unwrap();
    }
}

/// Waits for a session that AWS issues at this call of the operation or at a later one.
async fn wait_for_session(world: &World, call: u64) {
    wait_for_call(world, |event| {
        event.nth >= call && event.error.is_none() && matches!(event.detail, Detail::RoleAssumed(_))
    })
    .await;
}

fn assert_no_run_failed(running: &mut RunningPod) {
    let results = results(running.process(APP).unwrap());
    assert!(results.iter().all(|result| *result == rows()), "{results:?}");
}

#[rstest]
#[case::loopback(ConfigKind::Loopback)]
#[case::file(ConfigKind::File)]
#[tokio::test(flavor = "multi_thread")]
async fn session_is_renewed_with_the_rotated_token(#[case] source: ConfigKind) {
    let world = world_with(short_lived_credentials()).await;
    let (pod, mut running) = start_pod(&world, &running_repeatedly(source)).await;
    // The file is empty for a while. A sidecar that cached the first token would not fail.
    pod.overwrite_projected(AWS_TOKEN_VOLUME.name, &[("token", "")]).unwrap();
    let sidecar = running.process(CONTAINER).unwrap().log();
    let empty = |line: &str| line.contains("the projected token is empty");
    sidecar.wait_for_line(0, TIMEOUT, empty).await.unwrap();
    // Without a token, the sidecar does not call AWS.
    let before = sessions(&world.clouds.events()).len();
    pod.rotate_tokens().unwrap();
    wait_for_session(&world, before as u64 + 1).await;
    wait_until_newest_session_is_used(&world, &mut running).await;
    assert_no_run_failed(&mut running);
}

#[rstest]
#[case::down(Fault::InternalError)]
#[case::throttled(Fault::Throttled)]
#[case::torn(Fault::ConnectionReset)]
#[tokio::test(flavor = "multi_thread")]
async fn app_keeps_working_while_aws_fails(#[case] fault: Fault) {
    let world = world_with(short_lived_credentials()).await;
    // The first attempts of the renewal fail.
    world.clouds.inject_fault(ASSUME, Calls::Range(2, 3), fault);
    let (_pod, mut running) = start_pod(&world, &running_repeatedly(ConfigKind::File)).await;
    wait_for_session(&world, 4).await;
    wait_until_newest_session_is_used(&world, &mut running).await;
    assert_no_run_failed(&mut running);
}

#[tokio::test(flavor = "multi_thread")]
async fn transient_aws_error_is_in_the_pods_events() {
    let world = world().await;
    world.clouds.inject_fault(ASSUME, Calls::All, Fault::InternalError);
    let pod = world.create_pod(&with_source(ConfigKind::File)).await.unwrap();
    let mut sidecar = pod.start_container(CONTAINER).unwrap();
    let error = pod.wait_started(&mut sidecar, Duration::ZERO).await.unwrap_err().to_string();
    assert!(error.contains("AWS STS: internal server error"), "{error}");
    assert_eq!(sidecar.try_wait().unwrap(), None, "the sidecar keeps running after a transient error");
    world.clouds.clear_faults();
    pod.wait_started(&mut sidecar, TIMEOUT).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn permanent_aws_error_names_the_service_and_the_fix() {
    let world = world().await;
    world.clouds.inject_fault(ASSUME, Calls::All, Fault::Denied);
    let pod = world.create_pod(&with_source(ConfigKind::File)).await.unwrap();
    let mut sidecar = pod.start_container(CONTAINER).unwrap();
    let error = pod.wait_started(&mut sidecar, Duration::ZERO).await.unwrap_err().to_string();
    assert!(error.contains("AWS STS: the role does not trust this pod's service account"), "{error}");
    assert!(error.contains("Fix: check the role's ARN"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sidecar_waits_for_a_projected_token() {
    let world = world().await;
    let pod = world.create_pod(&with_source(ConfigKind::File)).await.unwrap();
    pod.overwrite_projected(AWS_TOKEN_VOLUME.name, &[("token", "")]).unwrap();
    let mut sidecar = pod.start_container(CONTAINER).unwrap();
    let error = pod.wait_started(&mut sidecar, Duration::ZERO).await.unwrap_err().to_string();
    assert!(error.contains("the projected token is empty"), "{error}");
    pod.rotate_tokens().unwrap();
    pod.wait_started(&mut sidecar, TIMEOUT).await.unwrap();
}

#[rstest]
#[case::node_is_slow(7_200)]
#[case::node_is_fast(-7_200)]
#[tokio::test(flavor = "multi_thread")]
async fn clock_offset_is_corrected_in_the_token_file(#[case] aws_ahead: i64) {
    let world = world().await;
    world.clouds.aws_clock().shift_by(aws_ahead);
    let (_pod, mut running) = start_pod(&world, &with_source(ConfigKind::File)).await;
    let app = running.process(APP).unwrap();
    app.wait(TIMEOUT).await.unwrap();
    assert_eq!(results(app), [rows()]);
    let log = running.process(CONTAINER).unwrap().log().text();
    let field = log.split_once("\"offset_seconds\":").and_then(|(_, rest)| rest.split_once('}'));
    let offset: i64 = field.unwrap_or_else(|| panic!("{log}")).0.parse().unwrap();
    // The `Date` header has a resolution of one second.
    assert!((offset - aws_ahead).abs() <= 2, "{log}");
}

/// With `loopback`, the app's library signs, and it uses the node's clock.
#[tokio::test(flavor = "multi_thread")]
async fn clock_offset_with_loopback_fails_in_the_app() {
    let world = world().await;
    world.clouds.aws_clock().shift_by(7_200);
    let (_pod, mut running) = start_pod(&world, &with_source(ConfigKind::Loopback)).await;
    let app = running.process(APP).unwrap();
    assert!(!app.wait(TIMEOUT).await.unwrap().success());
    let [RunResult::Failed(error)] = &results(app)[..] else { panic!("{}", app.log().text()) };
    assert!(error.contains("Signature expired"), "{error}");
}

#[rstest]
#[case::loopback(ConfigKind::Loopback)]
#[case::file(ConfigKind::File)]
#[tokio::test(flavor = "multi_thread")]
async fn restarted_sidecar_is_ready_at_once_while_the_token_is_valid(#[case] source: ConfigKind) {
    let world = world().await;
    let pod = world.create_pod(&with_source(source)).await.unwrap();
    let mut sidecar = pod.start_container(CONTAINER).unwrap();
    pod.wait_started(&mut sidecar, TIMEOUT).await.unwrap();
    sidecar.kill().await.unwrap();

    world.clouds.inject_fault(ASSUME, Calls::All, Fault::InternalError);
    let mut sidecar = pod.start_container(CONTAINER).unwrap();
    let events = pod.wait_started(&mut sidecar, TIMEOUT).await.unwrap();
    assert_eq!(events, Vec::<String>::new(), "the first probe succeeds");
    // The probe reads only the file, so it may succeed before the new sidecar listens. Until the sidecar has called AWS,
    // loopback may refuse connections.
    let called_aws = |line: &str| line.contains("AWS STS: internal server error");
    sidecar.log().wait_for_line(0, TIMEOUT, called_aws).await.unwrap();
    let mut app = pod.start_container(APP).unwrap();
    let status = app.wait(TIMEOUT).await.unwrap();
    match source {
        ConfigKind::File => assert_eq!(results(&app), [rows()]),
        ConfigKind::Loopback => {
            assert!(!status.success());
            let [RunResult::Failed(error)] = &results(&app)[..] else { panic!("{}", app.log().text()) };
            assert!(error.contains("503"), "{error}");
        }
    }
    world.clouds.clear_faults();
    wait_for_session(&world, 2).await;
    let app_succeeds = async {
        while results(&app) != [rows()] {
            app = pod.start_container(APP).unwrap();
            app.wait(TIMEOUT).await.unwrap();
        }
    };
    tokio::time::timeout(TIMEOUT, app_succeeds).await.unwrap();
}
