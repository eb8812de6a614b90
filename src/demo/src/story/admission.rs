//! The pod goes in at the webhook, as kube-apiserver sends it.

use std::time::Instant;

use rolebridge_core::annotations::{PREFIX, eks};
use rolebridge_tests::error::{Context, Result};
use rolebridge_tests::fake_kubelet::Pod;
use rolebridge_tests::world::{ACCOUNT, NAMESPACE, PROVIDER, TRUSTED, Variant, World};
use serde_json::Value;

use crate::show::Show;
use crate::yaml;

/// Everything until the pod is on the node.
pub(crate) async fn admit(show: &mut Show, world: &World, variant: &Variant) -> Result<Pod> {
    let pod = world.pod(variant)?;
    ask_for(show, world, &pod);
    let begin = Instant::now();
    let answer = world.admit(&pod).await?;
    let took = begin.elapsed();
    let patched = answer.apply(&pod)?;
    let operations = answer.patch.as_ref().context("the webhook let the pod pass without a patch")?.0.len();
    show.step("kube-apiserver asks the webhook, which answers with a patch");
    show.fact(
        "answer",
        &format!("{operations} operations after {:.1} ms, TLS handshake included", took.as_secs_f64() * 1e3),
    );
    for warning in &answer.warnings {
        show.fact("warning", warning);
    }
    show.diff(&yaml::document(&pod), &yaml::document(&patched));
    Pod::place(&world.node, &patched)
}

/// The name of a principal with `…` for the pool, which is the same in all of them.
pub(crate) fn without_pool(principal: &str) -> String {
    let pool = PROVIDER.split_once("/providers/").map_or(PROVIDER, |(pool, _)| pool);
    principal.replace(&format!("iam.googleapis.com/{pool}"), "…")
}

fn ask_for(show: &mut Show, world: &World, pod: &Value) {
    show.step("A Deployment's pod asks for Google credentials by an annotation");
    for (key, value) in pod["metadata"]["annotations"].as_object().into_iter().flatten() {
        if key.starts_with(PREFIX) {
            show.fact("pod", &format!("{key}: {value}"));
        }
    }
    let account = world.kubernetes.service_account(NAMESPACE, ACCOUNT).unwrap_or_default();
    for (key, value) in account["metadata"]["annotations"].as_object().into_iter().flatten() {
        if key.starts_with(PREFIX) || key == eks::ROLE_ARN {
            show.fact("service account", &format!("{key}: {}", value.as_str().unwrap_or_default()));
        }
    }
    show.fact("platform team", &format!("provider: {PROVIDER}"));
    show.fact("Google trusts", &without_pool(TRUSTED));
}
