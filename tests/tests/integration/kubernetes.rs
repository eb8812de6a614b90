//! The real webhook between its caches and the API server.

use std::time::Instant;

use rolebridge_core::annotations::{PROJECT, SERVICE_ACCOUNT, eks};
use rolebridge_tests::fake_apiserver::Outage;
use rolebridge_tests::world::{ACCOUNT, GOOGLE_ACCOUNT, GOOGLE_PROJECT, NAMESPACE, ROLE, Variant, World};
use serde_json::{Value, json};

use crate::support::world;

fn pod_of(world: &World, account: &str) -> Value {
    let mut pod = world.pod(&Variant::default()).unwrap();
    pod["spec"]["serviceAccountName"] = json!(account);
    pod["spec"]["serviceAccount"] = json!(account);
    pod
}

fn with_role() -> Value {
    json!({eks::ROLE_ARN: ROLE, SERVICE_ACCOUNT: GOOGLE_ACCOUNT, PROJECT: GOOGLE_PROJECT})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_lags_refuses_nobody() {
    let world = world().await;
    world.kubernetes.hold_watches(true);
    world.kubernetes.put_service_account(NAMESPACE, "new", &with_role());
    let answer = world.admit(&pod_of(&world, "new")).await.unwrap();
    assert!(answer.allowed && answer.patch.is_some(), "{answer:?}");
    assert!(world.kubernetes.calls().gets > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_holds_is_read_live_once() {
    let world = world().await;
    world.kubernetes.put_service_account(NAMESPACE, "plain", &json!({}));
    let answer = world.admit(&pod_of(&world, "plain")).await.unwrap();
    let message = answer.message.unwrap_or_default();
    assert!(!answer.allowed && message.contains(eks::ROLE_ARN), "{message}");
    let gets = world.kubernetes.calls().gets;
    assert!((1..=2).contains(&gets), "{gets}");
    let begun = Instant::now();
    for _ in 0..20 {
        assert!(!world.admit(&pod_of(&world, "plain")).await.unwrap().allowed);
    }
    // The namespace and the account, once a second at most, however long the 20 take on this machine.
    let most = gets + 2 * (1 + begun.elapsed().as_secs());
    assert!(world.kubernetes.calls().gets <= most, "{:?}, not {most} gets", world.kubernetes.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_api_server_what_is_known_is_served() {
    let world = world().await;
    for outage in [Outage::Unavailable, Outage::Forbidden, Outage::Silent] {
        world.kubernetes.fail(Some(outage));
        let answer = world.admit(&pod_of(&world, ACCOUNT)).await.unwrap();
        assert!(answer.patch.is_some(), "{outage:?}: {answer:?}");
        // What is not known is not injected, and answered within kube-apiserver's five seconds.
        let answer = world.admit(&pod_of(&world, "unknown")).await.unwrap();
        assert!(!answer.allowed, "{outage:?}: {answer:?}");
    }
    assert_eq!(world.webhook.page("/readyz").await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_did_not_ask_passes_untouched() {
    let world = world().await;
    let mut pod = world.pod(&Variant::default()).unwrap();
    pod["metadata"].as_object_mut().unwrap().remove("annotations");
    let answer = world.admit(&pod).await.unwrap();
    assert!(answer.allowed && answer.patch.is_none() && answer.warnings.is_empty(), "{answer:?}");
}
