//! The real webhook's lookups of service accounts and namespaces, from its caches and from the API server.

use std::time::Instant;

use rolebridge_core::annotations::{PROJECT, SERVICE_ACCOUNT, eks};
use rolebridge_tests::fake_apiserver::Outage;
use rolebridge_tests::world::{ACCOUNT, GOOGLE_ACCOUNT, GOOGLE_PROJECT, NAMESPACE, ROLE, Variant, World};
use serde_json::{Value, json};

use crate::support::world;

fn pod_with_account(world: &World, account: &str) -> Value {
    let mut pod = world.pod(&Variant::default()).unwrap();
    pod["spec"]["serviceAccountName"] = json!(account);
    pod["spec"]["serviceAccount"] = json!(account);
    pod
}

fn role_annotations() -> Value {
    json!({eks::ROLE_ARN: ROLE, SERVICE_ACCOUNT: GOOGLE_ACCOUNT, PROJECT: GOOGLE_PROJECT})
}

#[tokio::test(flavor = "multi_thread")]
async fn lagging_cache_denies_no_pod() {
    let world = world().await;
    world.api_server.pause_watches(true);
    world.api_server.put_service_account(NAMESPACE, "new", &role_annotations());
    let response = world.admit(&pod_with_account(&world, "new")).await.unwrap();
    assert!(response.allowed && response.patch.is_some(), "{response:?}");
    assert!(world.api_server.request_counts().gets > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_denial_reads_live_once_a_second() {
    let world = world().await;
    world.api_server.put_service_account(NAMESPACE, "plain", &json!({}));
    let response = world.admit(&pod_with_account(&world, "plain")).await.unwrap();
    let message = response.message.unwrap_or_default();
    assert!(!response.allowed && message.contains(eks::ROLE_ARN), "{message}");
    let gets = world.api_server.request_counts().gets;
    assert!((1..=2).contains(&gets), "{gets}");
    let start = Instant::now();
    for _ in 0..20 {
        assert!(!world.admit(&pod_with_account(&world, "plain")).await.unwrap().allowed);
    }
    // The namespace and the account are read once a second at most. The duration depends on the machine.
    let max = gets + 2 * (1 + start.elapsed().as_secs());
    assert!(
        world.api_server.request_counts().gets <= max,
        "expected at most {max} gets, found {:?}",
        world.api_server.request_counts()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_account_is_injected_during_an_api_outage() {
    let world = world().await;
    for outage in [Outage::Unavailable, Outage::Forbidden, Outage::Silent] {
        world.api_server.set_outage(Some(outage));
        let response = world.admit(&pod_with_account(&world, ACCOUNT)).await.unwrap();
        assert!(response.patch.is_some(), "{outage:?}: {response:?}");
        // A pod of an unknown account is denied within kube-apiserver's timeout of five seconds.
        let response = world.admit(&pod_with_account(&world, "unknown")).await.unwrap();
        assert!(!response.allowed, "{outage:?}: {response:?}");
    }
    assert_eq!(world.webhook.get("/readyz").await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn pod_without_opt_in_is_skipped() {
    let world = world().await;
    let mut pod = world.pod(&Variant::default()).unwrap();
    pod["metadata"].as_object_mut().unwrap().remove("annotations");
    let response = world.admit(&pod).await.unwrap();
    assert!(response.allowed && response.patch.is_none() && response.warnings.is_empty(), "{response:?}");
}
