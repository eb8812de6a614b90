//! Two Google service accounts in one pod: each container reads as its own, with every source.

use rolebridge_core::annotations::{OUTPUTS, PORT, SERVICE_ACCOUNT, SOURCE};
use rolebridge_core::token_outputs;
use rolebridge_core::token_source::TokenSource;
use rolebridge_fake_clouds::config::Config;
use rolebridge_fake_clouds::{Detail, Event};
use rolebridge_tests::fake_kubelet::{Pod, RunningPod};
use rolebridge_tests::ports::free_ports;
use rolebridge_tests::world::{APP, GOOGLE_ACCOUNT, Variant, World, clouds_config};
use rstest::rstest;
use serde_json::json;

use crate::support::{TIMEOUT, exchanges, results, rows, sessions, world_with};

const WORKER: &str = "worker";
const WORKER_ACCOUNT: &str = "nightly-worker@shop-analytics.iam.gserviceaccount.com";

/// Returns clouds in which both accounts trust the role and may read the table.
fn clouds() -> Config {
    let mut config = clouds_config().unwrap();
    let google = &mut config.google;
    let mut account = google.service_accounts[0].clone();
    WORKER_ACCOUNT.clone_into(&mut account.email);
    google.service_accounts.push(account);
    let member = format!("serviceAccount:{WORKER_ACCOUNT}");
    for project in &mut google.projects {
        let bindings = project.datasets.iter_mut().flat_map(|dataset| &mut dataset.bindings);
        for binding in bindings.chain(&mut project.bindings) {
            binding.members.push(member.clone());
        }
    }
    config
}

/// Runs a pod with a second container like the app.
async fn run(world: &World, annotations: Vec<(&'static str, String)>) -> (Pod, RunningPod) {
    let mut pod = world.pod(&Variant { annotations, ..Variant::default() }).unwrap();
    let mut worker = pod["spec"]["containers"][0].clone();
    worker["name"] = json!(WORKER);
    pod["spec"]["containers"].as_array_mut().unwrap().push(worker);
    let response = world.admit(&pod).await.unwrap();
    let pod = Pod::create(&world.node, &response.apply(&pod).unwrap()).unwrap();
    let running = pod.run(TIMEOUT).await.unwrap();
    (pod, running)
}

/// Returns who has read the table, each once.
fn readers(events: &[Event]) -> Vec<String> {
    let reader = |event: &Event| match &event.detail {
        Detail::TableRead { principal, .. } => Some(principal.clone()),
        _ => None,
    };
    let mut readers: Vec<_> = events.iter().filter_map(reader).collect();
    readers.sort();
    readers.dedup();
    readers
}

#[rstest]
#[case(TokenSource::Loopback)]
#[case(TokenSource::File)]
#[case(TokenSource::Metadata)]
#[tokio::test(flavor = "multi_thread")]
async fn containers_with_two_accounts_read_as_two_principals(#[case] source: TokenSource) {
    let world = world_with(clouds()).await;
    let (pod, mut running) = run(
        &world,
        vec![
            (SOURCE, source.as_str().to_owned()),
            (SERVICE_ACCOUNT, format!("{GOOGLE_ACCOUNT},{WORKER}={WORKER_ACCOUNT}")),
            (OUTPUTS, format!("access-token,{WORKER}.access-token")),
            (PORT, free_ports(2).unwrap().to_string()),
        ],
    )
    .await;
    for container in [APP, WORKER] {
        let app = running.process(container).unwrap();
        let status = app.wait(TIMEOUT).await.unwrap();
        assert!(status.success(), "{container}: {}", app.log().text());
        assert_eq!(results(app), [rows()], "{container}");
    }
    let events = world.clouds.events();
    assert_eq!(sessions(&events).len(), 1, "both containers prove one role");
    let subjects: Vec<_> =
        exchanges(&events).iter().map(|exchanged| exchanged.attributes["google.subject"].clone()).collect();
    assert!(subjects.windows(2).all(|pair| pair[0] == pair[1]), "{subjects:?}");
    let expected = [GOOGLE_ACCOUNT, WORKER_ACCOUNT].map(|email| format!("serviceAccount:{email}"));
    assert_eq!(readers(&events), expected);
    let token = |name: &str| std::fs::read_to_string(pod.path(&token_outputs::path(name))).unwrap();
    let tokens = [token("access-token"), token(&format!("{WORKER}.access-token"))];
    assert!(tokens[0] != tokens[1] && tokens.iter().all(|token| !token.is_empty()));
}
