//! What sidecars without a token said last: the kubelet puts the probe's sentence into the pod's events.

use k8s_openapi::api::core::v1::Event;
use kube::Client;
use kube::api::{Api, ListParams};
use rolebridge_core::pod_names::CONTAINER;

use crate::cluster::with_timeout;
use crate::commands::check::aggregate::PodProblem;
use crate::commands::check::classify_pod::PodIssue;
use crate::commands::check::collect_pods::Pods;

/// For so many pods; the others of a large trouble say the same.
const MOST: usize = 20;

/// Adds what was said by one pod of each owner. Who may not read events goes without.
pub(crate) async fn read(client: &Client, pods: &mut Pods) {
    let silent = pods.tally.troubles.iter().filter_map(|((trouble, whose), some)| {
        let is_silent = *trouble == PodProblem::Issue(PodIssue::NotReady(None));
        is_silent.then(|| (whose.namespace.clone(), some.example.clone()))
    });
    for (namespace, pod) in silent.take(MOST).collect::<Vec<_>>() {
        if let Some(said) = last(client, &namespace, &pod).await {
            pods.said.insert((namespace, pod), said);
        }
    }
}

async fn last(client: &Client, namespace: &str, pod: &str) -> Option<String> {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let fields = format!("involvedObject.name={pod},reason=Unhealthy");
    let list =
        with_timeout("events", api.list(&ListParams::default().fields(&fields).limit(50))).await.ok()?;
    let of_sidecar = list.items.into_iter().filter(|event| {
        let path = event.involved_object.field_path.as_deref();
        path.is_some_and(|path| path.contains(&format!("{{{CONTAINER}}}")))
    });
    let message = of_sidecar.max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0))?.message?;
    let said = message.split_once("probe failed: ").map_or(&*message, |(_, said)| said);
    Some(said.trim().to_owned())
}
