//! Reviews that are answered from memory get the response that they get otherwise.

use std::sync::Arc;

use rolebridge_inject::{Defaults, ObjectMetadata};
use rolebridge_telemetry::exposition::Exposition;
use rolebridge_webhook::object_kind::ObjectKind;
use rolebridge_webhook::state::AppState;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::{DEFAULTS, ROLE, list, patch, pod, review, send_review, synced_state};

fn state() -> Arc<AppState> {
    Arc::new(synced_state(&Api::default(), &[ROLE]))
}

/// Returns the number of reviews that were answered from memory.
fn remembered(state: &AppState) -> u64 {
    let mut exposition = Exposition::new("");
    state.metrics.write(&mut exposition);
    let text = exposition.into_text();
    let value = text.lines().find_map(|line| line.strip_prefix("remembered_reviews_total "));
    value.unwrap().parse().unwrap()
}

/// Sends a pod, and checks that another replica, which remembers nothing, has the same response.
async fn admit(state: &Arc<AppState>, other: &Arc<AppState>, pod: &Value) -> Value {
    let response = send_review(state, "/mutate", &review(pod)).await;
    assert_eq!(response, send_review(other, "/mutate", &review(pod)).await);
    patch(&response)
}

#[tokio::test]
async fn equal_pods_get_the_remembered_patch_until_an_input_changes() {
    let state = state();
    let mut other = pod();
    other["metadata"]["name"] = json!("nightly-x");
    let first = admit(&state, &self::state(), &pod()).await;
    assert_eq!(remembered(&state), 0);
    assert_eq!(admit(&state, &self::state(), &other).await, first);
    assert_eq!(remembered(&state), 1);

    let account = ObjectMetadata::new([ROLE, ("rolebridge.io/project", "shop-data")], []);
    let changed = || {
        let state = self::state();
        list(&state, ObjectKind::ServiceAccount, [("shop", "batch", account.clone())]);
        state
    };
    list(&state, ObjectKind::ServiceAccount, [("shop", "batch", account.clone())]);
    let second = admit(&state, &changed(), &pod()).await;
    assert_ne!(second, first, "the changed service account holds for the next review");
    assert_eq!(remembered(&state), 1);

    let defaults = || Defaults::from_yaml(&format!("{DEFAULTS}  log-level: debug\n")).unwrap();
    state.defaults.replace(defaults());
    let replica = changed();
    replica.defaults.replace(defaults());
    assert_ne!(admit(&state, &replica, &pod()).await, second, "and so do changed defaults");
    assert_eq!(remembered(&state), 1);
}
