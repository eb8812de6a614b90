//! Sends the pod to the webhook, as kube-apiserver does.

use std::time::Instant;

use rolebridge_core::annotations::{PREFIX, eks};
use rolebridge_tests::error::{Context, Result};
use rolebridge_tests::fake_kubelet::Pod;
use rolebridge_tests::world::{ACCOUNT, NAMESPACE, PROVIDER, TRUSTED_PRINCIPAL, Variant, World};
use serde_json::Value;

use crate::console::Console;
use crate::pretty_yaml;

/// Admits the pod and creates it on the node.
pub(crate) async fn admit(console: &mut Console, world: &World, variant: &Variant) -> Result<Pod> {
    let pod = world.pod(variant)?;
    print_settings(console, world, &pod);
    let start = Instant::now();
    let response = world.admit(&pod).await?;
    let duration = start.elapsed();
    let patched = response.apply(&pod)?;
    let operations = response.patch.as_ref().context("the webhook skipped the pod")?.0.len();
    console.step("kube-apiserver calls the webhook, which returns a patch");
    console.fact(
        "patch",
        &format!(
            "{operations} operations after {:.1} ms, TLS handshake included",
            duration.as_secs_f64() * 1e3
        ),
    );
    for warning in &response.warnings {
        console.fact("warning", warning);
    }
    console.diff(&pretty_yaml::format(&pod), &pretty_yaml::format(&patched));
    Pod::create(&world.node, &patched)
}

/// Shortens the workload identity pool in a principal to `…`, because it is always the same.
pub(crate) fn without_pool(principal: &str) -> String {
    let pool = PROVIDER.split_once("/providers/").map_or(PROVIDER, |(pool, _)| pool);
    principal.replace(&format!("iam.googleapis.com/{pool}"), "…")
}

fn print_settings(console: &mut Console, world: &World, pod: &Value) {
    console.step("The pod of a Deployment requests Google credentials with an annotation");
    for (key, value) in pod["metadata"]["annotations"].as_object().into_iter().flatten() {
        if key.starts_with(PREFIX) {
            console.fact("pod", &format!("{key}: {value}"));
        }
    }
    let account = world.api_server.service_account(NAMESPACE, ACCOUNT).unwrap_or_default();
    for (key, value) in account["metadata"]["annotations"].as_object().into_iter().flatten() {
        if key.starts_with(PREFIX) || key == eks::ROLE_ARN {
            console.fact("service account", &format!("{key}: {}", value.as_str().unwrap_or_default()));
        }
    }
    console.fact("platform team", &format!("provider: {PROVIDER}"));
    console.fact("Google trusts", &without_pool(TRUSTED_PRINCIPAL));
}
