//! The webhook's replicas: their number, their readiness and their restarts.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use crate::cluster::chart_names::Release;
use crate::cluster::pod::{last_termination, name, waiting_message};
use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::rules::expiry::format_time;
use crate::commands::check::snapshot::InstallationSnapshot;
use crate::output::quote::shell;

/// The age up to which a restart is reported: older ones have been fixed or did no harm.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    let InstallationSnapshot { release, deployment, replicas, now, .. } = snapshot;
    let object = release.object("Deployment");
    let deployment = match deployment {
        Ok(Some(deployment)) => deployment,
        Ok(None) => {
            let message =
                "It does not exist, so pods that opt in are denied. Fix: run `helm upgrade` to recreate it.";
            return vec![Finding::new(Check::Replicas, Severity::Error, object, message)];
        }
        Err(message) => return vec![Finding::unreadable(Check::Replicas, object, message)],
    };
    let mut findings = vec![readiness(release, deployment, replicas.as_deref().unwrap_or_default(), object)];
    match replicas {
        Ok(pods) => findings.extend(pods.iter().filter_map(|pod| restarts(release, pod, *now))),
        Err(message) => {
            findings.push(Finding::unreadable(Check::Replicas, release.object("Deployment"), message));
        }
    }
    if findings.len() > 1 {
        findings.retain(|finding| finding.severity > Severity::Ok);
    }
    findings
}

fn readiness(release: &Release, deployment: &Deployment, pods: &[Pod], object: String) -> Finding {
    let desired = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or_default();
    let waiting = pods.iter().flat_map(statuses).find_map(waiting_message);
    let cause = waiting.map_or_else(
        || {
            format!(
                "to find the cause, run `kubectl --namespace {} describe pods`",
                shell(&release.namespace)
            )
        },
        |message| format!("one is waiting: {message}"),
    );
    let (severity, message) = match (desired, ready) {
        (0, _) => (Severity::Error, "It is scaled to 0, so pods that opt in are denied.".to_owned()),
        (_, 0) => (
            Severity::Error,
            format!("None of {desired} replicas is ready, so pods that opt in are denied; {cause}."),
        ),
        _ if ready < desired => {
            (Severity::Warning, format!("{ready} of {desired} replicas are ready; {cause}."))
        }
        _ => (
            Severity::Ok,
            format!("{ready} of {desired} replicas are ready, and none restarted in the last 24 hours."),
        ),
    };
    Finding::new(Check::Replicas, severity, object, message)
}

fn restarts(release: &Release, pod: &Pod, now: Timestamp) -> Option<Finding> {
    let name = name(pod);
    let (count, time, terminated) = statuses(pod).find_map(|status| {
        let terminated = last_termination(status)?;
        let time = terminated.finished_at.as_ref()?.0;
        (now.duration_since(time) < RECENT).then_some((status.restart_count, time, terminated))
    })?;
    let reason = terminated.reason.as_deref().unwrap_or("no reason");
    let message = format!(
        "It has restarted {count} times, the last time on {} ({reason}, exit code {}). To read the previous log, run \
         `kubectl --namespace {} logs --previous {}`.",
        format_time(time),
        terminated.exit_code,
        shell(&release.namespace),
        shell(name)
    );
    let object = format!("Pod/{}/{name}", release.namespace);
    Some(Finding::new(Check::Replicas, Severity::Warning, object, message))
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten())
}
