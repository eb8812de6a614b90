//! Collects the last message of sidecars without a token from events, where the kubelet puts the probe's output.

use k8s_openapi::api::core::v1::Event;
use kube::Client;
use kube::api::{Api, ListParams};
use rolebridge_core::pod_names::CONTAINER;

use crate::cluster::with_timeout;
use crate::commands::check::aggregate::PodProblem;
use crate::commands::check::classify_pod::PodIssue;
use crate::commands::check::collect_pods::PodCollection;

/// The maximum number of pods to read events of; more pods would rarely add another message.
const MAX_PODS: usize = 20;

/// Adds the last message of one pod of each owner. Without permission to list events, nothing is added.
pub(crate) async fn collect(client: &Client, pods: &mut PodCollection) {
    let without_message = pods.summary.problems.iter().filter_map(|((problem, owner), group)| {
        let has_no_message = *problem == PodProblem::Issue(PodIssue::NotReady(None));
        has_no_message.then(|| (owner.namespace.clone(), group.example.clone()))
    });
    for (namespace, pod) in without_message.take(MAX_PODS).collect::<Vec<_>>() {
        if let Some(message) = last_probe_message(client, &namespace, &pod).await {
            pods.probe_messages.insert((namespace, pod), message);
        }
    }
}

async fn last_probe_message(client: &Client, namespace: &str, pod: &str) -> Option<String> {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let fields = format!("involvedObject.name={pod},reason=Unhealthy");
    let params = ListParams::default().fields(&fields).limit(50);
    let list = with_timeout("events", api.list(&params)).await.ok()?;
    let of_sidecar = list.items.into_iter().filter(|event| {
        let path = event.involved_object.field_path.as_deref();
        path.is_some_and(|path| path.contains(&format!("{{{CONTAINER}}}")))
    });
    let message = of_sidecar.max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0))?.message?;
    let output = message.split_once("probe failed: ").map_or(&*message, |(_, output)| output);
    // The container writes the output, and anyone who can create events in the namespace can write the whole event.
    Some(format!("The sidecar states: {}", output.trim()))
}
