//! The review of a pod: decide by the caches, and before a refusal that they may be too old for, by the API server.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::response::Response;
use rolebridge_inject::{Admission, Decision, Pod, admit};
use tracing::{Level, debug, enabled, error, info};

use crate::answer::{Answer, Denial, Verdict};
use crate::body::Rejection;
use crate::events::Occasion;
use crate::live::LiveError;
use crate::metrics::{API_UNAVAILABLE, NOT_CREATION, Outcome};
use crate::named;
use crate::review::{self, ReviewError};
use crate::router::{Webhook, respond};

/// Answers the review of a pod.
pub async fn mutate(State(webhook): State<Arc<Webhook>>, request: Request) -> Response {
    let started = Instant::now();
    let answer = answer(&webhook, request, started).await;
    respond(&webhook, answer)
}

async fn answer(webhook: &Webhook, request: Request, started: Instant) -> Result<String, Rejection> {
    let body = webhook.intake.take(request).await?;
    let request: review::Request<'_, Pod<'_>> = review::decode(body.bytes())?;
    request.kind.expect("", "Pod")?;
    let log = Log { namespace: &request.namespace, body: body.bytes(), dry_run: request.dry_run };
    let (answer, outcome) = if &*request.operation == "CREATE" {
        let pod = request.object.as_ref().ok_or(ReviewError::NoObject)?;
        match decide(webhook, &request.namespace, pod).await {
            Ok(admission) => {
                say_event(webhook, &admission, &log);
                told(request.uid.get(), &admission, &log)
            }
            Err(error) => (unavailable(request.uid.get(), &error, &log), Outcome::Failed),
        }
    } else {
        log.passed(NOT_CREATION, "The review is not about a creation.");
        let answer = Answer { uid: request.uid.get(), verdict: Verdict::Allow, warnings: &[] };
        (answer.to_json(), Outcome::NotCreation)
    };
    webhook.metrics.pod(outcome, started.elapsed());
    Ok(answer)
}

async fn decide(webhook: &Webhook, namespace: &str, pod: &Pod<'_>) -> Result<Admission, LiveError> {
    let defaults = webhook.defaults.current();
    let service_account = pod.service_account();
    if let Some(cached) = webhook.lookup.cached(namespace, service_account) {
        let admission = admit(pod, &cached.context(namespace, &defaults));
        if !admission.depends_on_metadata {
            return Ok(admission);
        }
    }
    let live = webhook.lookup.live(namespace, service_account).await?;
    Ok(admit(pod, &live.context(namespace, &defaults)))
}

fn told(uid: &str, admission: &Admission, log: &Log<'_>) -> (String, Outcome) {
    let (verdict, outcome) = match &admission.decision {
        Decision::Patch(patch) => {
            log.passed("injected", "The pod gets a sidecar.");
            (Verdict::Patch(patch.as_json()), Outcome::Injected)
        }
        Decision::Skip(reason) => {
            log.passed(reason.code(), reason.sentence());
            (Verdict::Allow, Outcome::Unchanged(*reason))
        }
        Decision::Deny(refusal) => {
            log.refused(refusal.reason.code(), &refusal.message);
            let denial = Denial { code: 403, reason: "Forbidden", message: &refusal.message };
            (Verdict::Deny(denial), Outcome::Refused(refusal.reason))
        }
    };
    (Answer { uid, verdict, warnings: &admission.warnings }.to_json(), outcome)
}

/// What the pod's controller reads and nobody else, for whoever looks at the controller's events.
fn say_event(webhook: &Webhook, admission: &Admission, log: &Log<'_>) {
    let Some(events) = webhook.events.as_ref().filter(|_| !log.dry_run) else { return };
    let warnings = || admission.warnings.join(" ");
    let (occasion, note) = match &admission.decision {
        Decision::Deny(refusal) => (Occasion::Refused, refusal.message.clone()),
        _ if admission.warnings.is_empty() => return,
        Decision::Skip(_) => (Occasion::NotInjected, warnings()),
        Decision::Patch(_) => (Occasion::Warned, warnings()),
    };
    if let Some(about) = named::subject(log.namespace, log.body) {
        events.say(&about, occasion, &note);
    }
}

/// Never let through silently: a pod without credentials would not heal by itself.
fn unavailable(uid: &str, error: &LiveError, log: &Log<'_>) -> String {
    let message = error.to_string();
    log.failed(&message);
    let denial = Denial { code: 503, reason: "ServiceUnavailable", message: &message };
    Answer { uid, verdict: Verdict::Deny(denial), warnings: &[] }.to_json()
}

/// What is logged about one review.
struct Log<'a> {
    namespace: &'a str,
    body: &'a [u8],
    dry_run: bool,
}

impl Log<'_> {
    fn passed(&self, code: &str, sentence: &str) {
        if enabled!(Level::DEBUG) {
            let (namespace, pod, dry_run) = (self.namespace, named::name(self.body), self.dry_run);
            debug!(namespace, pod, dry_run, code, sentence, "pod reviewed");
        }
    }

    fn refused(&self, code: &str, sentence: &str) {
        let (namespace, pod, dry_run) = (self.namespace, named::name(self.body), self.dry_run);
        info!(namespace, pod, dry_run, code, sentence, "pod refused");
    }

    fn failed(&self, sentence: &str) {
        let (namespace, pod, dry_run) = (self.namespace, named::name(self.body), self.dry_run);
        error!(
            namespace,
            pod,
            dry_run,
            code = API_UNAVAILABLE,
            sentence,
            "pod refused for want of an answer"
        );
    }
}
