//! What happens between the clouds and the app when something goes wrong: the app keeps working, or gets the reason.

use std::time::Duration;

use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::pod_names::{AWS_TOKEN_VOLUME, CONTAINER};
use rolebridge_fake_clouds::{Calls, Detail, Event, Fault, Operation};
use rolebridge_tests::app::Line;
use rolebridge_tests::fake_kubelet::{Pod, Running};
use rolebridge_tests::world::{APP, Variant, World, event};
use rstest::rstest;

use crate::support::{PATIENCE, lines, rows, sessions, short_lived, world, world_with};

const ASSUME: Operation = Operation::AssumeRoleWithWebIdentity;

fn by(source: ConfigKind) -> Variant {
    Variant { source: Some(source), ..Variant::default() }
}

fn again_and_again(source: ConfigKind) -> Variant {
    Variant { every: Some(Duration::from_millis(200)), ..by(source) }
}

async fn running(world: &World, variant: &Variant) -> (Pod, Running) {
    let pod = world.place(variant).await.unwrap();
    let running = pod.run(PATIENCE).await.unwrap();
    (pod, running)
}

/// Waits until Google has taken a token of the newest session, and then for two more runs of the app.
async fn works_with_the_newest_session(world: &World, running: &mut Running) {
    let key = sessions(&world.clouds.events()).last().unwrap().access_key_id.clone();
    seen(world, |event| match &event.detail {
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
        (_, next) = app.log().line_after(next, PATIENCE, |_| true).await.unwrap();
    }
}

/// Waits until the clouds have seen such a call, if they have not yet.
async fn seen(world: &World, wanted: impl Fn(&Event) -> bool) {
    let mut events = world.clouds.subscribe();
    if !world.clouds.events().iter().any(&wanted) {
        event(&mut events, PATIENCE, "the call that the test waits for", wanted).await.unwrap();
    }
}

/// Waits for a session that AWS gives at this call of the operation or a later one.
async fn renewed(world: &World, call: u64) {
    seen(world, |event| {
        event.nth >= call && event.error.is_none() && matches!(event.detail, Detail::RoleAssumed(_))
    })
    .await;
}

fn never_failed(running: &mut Running) {
    let lines = lines(running.process(APP).unwrap());
    assert!(lines.iter().all(|line| *line == rows()), "{lines:?}");
}

#[rstest]
#[case::loopback(ConfigKind::Loopback)]
#[case::file(ConfigKind::File)]
#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_renewed_with_the_rotated_token(#[case] source: ConfigKind) {
    let world = world_with(short_lived()).await;
    let (pod, mut running) = running(&world, &again_and_again(source)).await;
    // An empty file for a while: whoever kept the token of the start would not notice.
    pod.overwrite_projected(AWS_TOKEN_VOLUME.name, &[("token", "")]).unwrap();
    let sidecar = running.process(CONTAINER).unwrap().log();
    let empty = |line: &str| line.contains("the projected token is empty");
    sidecar.line_after(0, PATIENCE, empty).await.unwrap();
    // Until there is a token again nobody asks.
    let before = sessions(&world.clouds.events()).len();
    pod.rotate_tokens().unwrap();
    renewed(&world, before as u64 + 1).await;
    works_with_the_newest_session(&world, &mut running).await;
    never_failed(&mut running);
}

#[rstest]
#[case::down(Fault::InternalError)]
#[case::throttled(Fault::Throttled)]
#[case::torn(Fault::ConnectionReset)]
#[tokio::test(flavor = "multi_thread")]
async fn while_aws_fails_the_app_keeps_working(#[case] fault: Fault) {
    let world = world_with(short_lived()).await;
    // Whatever is tried within a renewal fails at first.
    world.clouds.inject_fault(ASSUME, Calls::Range(2, 3), fault);
    let (_pod, mut running) = running(&world, &again_and_again(ConfigKind::File)).await;
    renewed(&world, 4).await;
    works_with_the_newest_session(&world, &mut running).await;
    never_failed(&mut running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_start_is_said_in_the_pods_events() {
    let world = world().await;
    world.clouds.inject_fault(ASSUME, Calls::All, Fault::InternalError);
    let pod = world.place(&by(ConfigKind::File)).await.unwrap();
    let mut sidecar = pod.start(CONTAINER).unwrap();
    let failure = pod.started(&mut sidecar, Duration::ZERO).await.unwrap_err().to_string();
    assert!(failure.contains("AWS STS: it has a fault of its own"), "{failure}");
    assert_eq!(sidecar.ended().unwrap(), None, "a passing fault ends nothing");
    world.clouds.clear_faults();
    pod.started(&mut sidecar, PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_hop_and_the_mend() {
    let world = world().await;
    world.clouds.inject_fault(ASSUME, Calls::All, Fault::Denied);
    let pod = world.place(&by(ConfigKind::File)).await.unwrap();
    let mut sidecar = pod.start(CONTAINER).unwrap();
    let failure = pod.started(&mut sidecar, Duration::ZERO).await.unwrap_err().to_string();
    assert!(failure.contains("AWS STS: the role does not trust this pod's service account"), "{failure}");
    assert!(failure.contains("To mend: check the role's ARN"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_projected_token_is_waited_for() {
    let world = world().await;
    let pod = world.place(&by(ConfigKind::File)).await.unwrap();
    pod.overwrite_projected(AWS_TOKEN_VOLUME.name, &[("token", "")]).unwrap();
    let mut sidecar = pod.start(CONTAINER).unwrap();
    let failure = pod.started(&mut sidecar, Duration::ZERO).await.unwrap_err().to_string();
    assert!(failure.contains("the projected token is empty"), "{failure}");
    pod.rotate_tokens().unwrap();
    pod.started(&mut sidecar, PATIENCE).await.unwrap();
}

#[rstest]
#[case::the_node_is_slow(7_200)]
#[case::the_node_is_fast(-7_200)]
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_corrected_for_the_file(#[case] aws_ahead: i64) {
    let world = world().await;
    world.clouds.aws_clock().shift_by(aws_ahead);
    let (_pod, mut running) = running(&world, &by(ConfigKind::File)).await;
    let app = running.process(APP).unwrap();
    app.wait(PATIENCE).await.unwrap();
    assert_eq!(lines(app), [rows()]);
    let log = running.process(CONTAINER).unwrap().log().text();
    let said = log.split_once("\"offset_seconds\":").and_then(|(_, rest)| rest.split_once('}'));
    let offset: i64 = said.unwrap_or_else(|| panic!("{log}")).0.parse().unwrap();
    // `Date` has whole seconds.
    assert!((offset - aws_ahead).abs() <= 2, "{log}");
}

/// By loopback it is the app's library that signs, by the node's clock.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_told_to_the_app_by_loopback() {
    let world = world().await;
    world.clouds.aws_clock().shift_by(7_200);
    let (_pod, mut running) = running(&world, &by(ConfigKind::Loopback)).await;
    let app = running.process(APP).unwrap();
    assert!(!app.wait(PATIENCE).await.unwrap().success());
    let [Line::Failed(why)] = &lines(app)[..] else { panic!("{}", app.log().text()) };
    assert!(why.contains("Signature expired"), "{why}");
}

#[rstest]
#[case::loopback(ConfigKind::Loopback)]
#[case::file(ConfigKind::File)]
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sidecar_is_ready_at_once_while_the_token_is_good(#[case] source: ConfigKind) {
    let world = world().await;
    let pod = world.place(&by(source)).await.unwrap();
    let mut sidecar = pod.start(CONTAINER).unwrap();
    pod.started(&mut sidecar, PATIENCE).await.unwrap();
    sidecar.kill().await.unwrap();

    world.clouds.inject_fault(ASSUME, Calls::All, Fault::InternalError);
    let mut sidecar = pod.start(CONTAINER).unwrap();
    let events = pod.started(&mut sidecar, PATIENCE).await.unwrap();
    assert_eq!(events, Vec::<String>::new(), "the first probe succeeds");
    // By the file alone, perhaps before the new sidecar listens: until it has tried AWS, loopback may refuse connections.
    let tried = |line: &str| line.contains("AWS STS: it has a fault of its own");
    sidecar.log().line_after(0, PATIENCE, tried).await.unwrap();
    let mut app = pod.start(APP).unwrap();
    let status = app.wait(PATIENCE).await.unwrap();
    match source {
        ConfigKind::File => assert_eq!(lines(&app), [rows()]),
        ConfigKind::Loopback => {
            assert!(!status.success());
            let [Line::Failed(why)] = &lines(&app)[..] else { panic!("{}", app.log().text()) };
            assert!(why.contains("503"), "{why}");
        }
    }
    world.clouds.clear_faults();
    renewed(&world, 2).await;
    let works_again = async {
        while lines(&app) != [rows()] {
            app = pod.start(APP).unwrap();
            app.wait(PATIENCE).await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, works_again).await.unwrap();
}
