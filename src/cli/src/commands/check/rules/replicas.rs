//! Whether the webhook's replicas are there, ready and at rest.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::expiry::date;
use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::snapshot::{InstallationSnapshot, Release};

/// A restart longer ago than this has been mended, or was nothing.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    let InstallationSnapshot { release, deployment, replicas, now, .. } = snapshot;
    let object = release.object("Deployment");
    let deployment = match deployment {
        Ok(Some(deployment)) => deployment,
        Ok(None) => {
            let message = "It is not there, so pods that opt in are refused: `helm upgrade` makes it again.";
            return vec![Finding::new(Check::Replicas, Severity::Error, object, message)];
        }
        Err(why) => return vec![Finding::unseen(Check::Replicas, object, why)],
    };
    let mut found = vec![readiness(release, deployment, replicas.as_deref().unwrap_or_default(), object)];
    match replicas {
        Ok(pods) => found.extend(pods.iter().filter_map(|pod| restarts(release, pod, *now))),
        Err(why) => found.push(Finding::unseen(Check::Replicas, release.object("Deployment"), why)),
    }
    if found.len() > 1 {
        found.retain(|one| one.severity > Severity::Ok);
    }
    found
}

fn readiness(release: &Release, deployment: &Deployment, pods: &[Pod], object: String) -> Finding {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or_default();
    let waits: Vec<_> = pods.iter().flat_map(statuses).filter_map(waits_for).collect();
    let why = waits.first().map_or_else(
        || format!("`kubectl --namespace {} describe pods` says why", release.namespace),
        |why| format!("one waits: {why}"),
    );
    let (severity, message) = match (wanted, ready) {
        (0, _) => (Severity::Error, "It is scaled to 0, so pods that opt in are refused.".to_owned()),
        (_, 0) => (
            Severity::Error,
            format!("None of {wanted} replicas is ready, so pods that opt in are refused; {why}."),
        ),
        _ if ready < wanted => (Severity::Warning, format!("{ready} of {wanted} replicas are ready; {why}.")),
        _ => (
            Severity::Ok,
            format!("{ready} of {wanted} replicas are ready, and none restarted within a day."),
        ),
    };
    Finding::new(Check::Replicas, severity, object, message)
}

fn restarts(release: &Release, pod: &Pod, now: Timestamp) -> Option<Finding> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let ended = statuses(pod).find_map(|status| {
        let ended = status.last_state.as_ref()?.terminated.as_ref()?;
        let at = ended.finished_at.as_ref()?.0;
        (now.duration_since(at) < LATELY).then_some((status.restart_count, at, ended))
    });
    let (count, at, ended) = ended?;
    let reason = ended.reason.as_deref().unwrap_or("no reason");
    let message = format!(
        "It has restarted {count} times, the last on {} ({reason}, exit code {}): `kubectl --namespace {} logs \
         --previous {name}` says what it did before.",
        date(at),
        ended.exit_code,
        release.namespace
    );
    let object = format!("Pod/{}/{name}", release.namespace);
    Some(Finding::new(Check::Replicas, Severity::Warning, object, message))
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten())
}

/// What keeps a container from running.
fn waits_for(status: &ContainerStatus) -> Option<String> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    let message = waiting.message.as_deref();
    Some(
        message.map_or_else(
            || reason.to_owned(),
            |message| format!("{reason}, {}", message.trim_end_matches('.')),
        ),
    )
}
