//! Handler for reviews of pods. It decides from the caches, and reads from the API server before a decision that stale
//! caches could change.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use rolebridge_inject::{Admission, Decision, MetadataDependency, Patch, Pod, admit};
use tracing::{Level, debug, enabled, error, info, warn};

use crate::admission::body::Rejection;
use crate::admission::object_ref;
use crate::admission::response::{AdmissionResponse, DenyStatus, Verdict};
use crate::admission::review::{self, ReviewError};
use crate::answers::Inputs;
use crate::events::EventReason;
use crate::handlers::respond::respond;
use crate::metadata::lookup::{PodMetadata, PodObjects, Subject, Verdict as LookupVerdict};
use crate::metadata::reader::ReadError;
use crate::metrics::{API_UNAVAILABLE, NOT_CREATION, READ_LIMITED, ReviewOutcome, TOO_LARGE};
use crate::state::AppState;

/// Maximum size of a patch. etcd stores no object over 1.5 MiB, and JSON takes up to twice the room, so that a pod with a
/// larger patch cannot be created. Without a limit, a body of 0.35 MB becomes a response of 48 MB.
pub(crate) const MAX_PATCH_BYTES: usize = 3 << 20;

/// Maximum size of a review of which the answer is remembered. An answer of a larger pod would have no room.
const MAX_KEYED_BYTES: usize = 64 << 10;

/// Responds to the review of a pod.
pub async fn mutate(State(state): State<Arc<AppState>>, request: Request) -> Response {
    let started = Instant::now();
    let review = handle(&state, request, started).await;
    respond(&state, review)
}

async fn handle(state: &AppState, request: Request, started: Instant) -> Result<Bytes, Rejection> {
    let body = state.body_reader.read(request).await?;
    let mut decoding = Some(body.charge_decoding(body.bytes(), 1)?);
    let mut request: review::Request<'_, Pod<'_>> = review::decode(body.bytes())?;
    request.kind.expect("", "Pod")?;
    // The key of a pod has at most a few bytes for each byte of its review.
    let is_small = body.bytes().len() <= MAX_KEYED_BYTES;
    let key = request.object.as_mut().filter(|_| is_small).map(|pod| pod.key(&request.namespace));
    let _key_charge = key.as_ref().map(|key| body.charge(key.capacity())).transpose()?;
    let log = ReviewLog { namespace: &request.namespace, body: body.bytes(), dry_run: request.dry_run };
    let (review, outcome) = if &*request.operation == "CREATE" {
        let pod = request.object.as_ref().ok_or(ReviewError::NoObject)?;
        let wait = || {
            decoding.take();
            body.wait_with(pod)
        };
        match decide(state, &request.namespace, pod, key.as_deref(), wait).await {
            Ok(PodDecision::Remembered(patch)) => {
                state.metrics.record_remembered();
                log.injected();
                let verdict = Verdict::Patch(patch.as_json());
                let response = AdmissionResponse { uid: request.uid.get(), verdict, warnings: &[] };
                (response.to_json(), ReviewOutcome::Injected)
            }
            Ok(PodDecision::Made(admission)) => {
                emit_event(state, &admission, &log);
                build_response(request.uid.get(), &admission, &log)
            }
            Err(error) => deny_unread(request.uid.get(), &error, &log),
        }
    } else {
        log.skipped(NOT_CREATION, "The review is not about a creation.");
        let response = AdmissionResponse { uid: request.uid.get(), verdict: Verdict::Allow, warnings: &[] };
        (response.to_json(), ReviewOutcome::NotCreation)
    };
    state.metrics.record_pod_review(outcome, started.elapsed());
    body.into_response(review)
}

/// A decision about a pod.
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation for each decision")]
enum PodDecision {
    /// An equal pod got this patch.
    Remembered(Arc<Patch>),
    /// The pod was decided about.
    Made(Admission<'static>),
}

async fn decide<W>(
    state: &AppState,
    namespace: &str,
    pod: &Pod<'_>,
    key: Option<&[u8]>,
    wait: impl FnOnce() -> Option<W>,
) -> Result<PodDecision, ReadError> {
    let defaults = state.defaults.current();
    let objects = PodObjects { namespace, service_account: pod.service_account() };
    let decide = |metadata: &PodMetadata| {
        let inputs = Inputs { metadata, defaults: &defaults };
        if let Some(patch) = key.and_then(|key| state.answers.find(key, inputs)) {
            return LookupVerdict {
                requires: MetadataDependency::BOTH,
                confirmed_by: MetadataDependency::NONE,
                decision: PodDecision::Remembered(patch),
            };
        }
        let admission = admit(pod, &metadata.admission_context(namespace, &defaults)).without_settings();
        if let Some(key) = key {
            state.answers.remember(key, inputs, &admission);
        }
        LookupVerdict {
            requires: admission.requires_metadata(),
            confirmed_by: admission.depends_on_metadata,
            decision: PodDecision::Made(admission),
        }
    };
    state.lookup.decide(Subject::Pod, objects, wait, decide).await
}

fn build_response(uid: &str, admission: &Admission<'_>, log: &ReviewLog<'_>) -> (String, ReviewOutcome) {
    let (verdict, outcome) = match &admission.decision {
        Decision::Patch(patch) if patch.as_json().len() > MAX_PATCH_BYTES => {
            let message = too_large(patch.as_json().len());
            log.denied(TOO_LARGE, &message);
            let status = DenyStatus { code: 403, reason: "Forbidden", message: &message };
            let response = AdmissionResponse { uid, verdict: Verdict::Deny(status), warnings: &[] };
            return (response.to_json(), ReviewOutcome::TooLarge);
        }
        Decision::Patch(patch) => {
            log.injected();
            (Verdict::Patch(patch.as_json()), ReviewOutcome::Injected)
        }
        Decision::Skip(reason) => {
            log.skipped(reason.code(), reason.message());
            (Verdict::Allow, ReviewOutcome::Skipped(*reason))
        }
        Decision::Deny(denial) => {
            log.denied(denial.reason.code(), &denial.message);
            let status = DenyStatus { code: 403, reason: "Forbidden", message: &denial.message };
            (Verdict::Deny(status), ReviewOutcome::Denied(denial.reason))
        }
    };
    (AdmissionResponse { uid, verdict, warnings: &admission.warnings }.to_json(), outcome)
}

fn too_large(bytes: usize) -> String {
    format!(
        "Injection of the pod: expected at most {MAX_PATCH_BYTES} bytes, found {bytes} bytes. Fix: use fewer containers, or \
         shorter values."
    )
}

/// Emits an event with what only the pod's controller receives in the response, so that users see it too.
fn emit_event(state: &AppState, admission: &Admission<'_>, log: &ReviewLog<'_>) {
    let Some(events) = state.events.as_ref().filter(|_| !log.dry_run) else { return };
    let warnings = || admission.warnings.join(" ");
    let (reason, note) = match &admission.decision {
        Decision::Deny(denial) => (EventReason::Denied, denial.message.clone()),
        _ if admission.warnings.is_empty() => return,
        Decision::Skip(_) => (EventReason::Skipped, warnings()),
        Decision::Patch(_) => (EventReason::Warning, warnings()),
    };
    if let Some(target) = object_ref::event_target(log.namespace, log.body) {
        events.emit(&target, reason, &note);
    }
}

/// Denies the pod because its context is unknown. A sidecar cannot be added later, so the pod must not pass
/// without one.
fn deny_unread(uid: &str, error: &ReadError, log: &ReviewLog<'_>) -> (String, ReviewOutcome) {
    let message = error.to_string();
    let outcome = match error {
        ReadError::Failed { .. } => {
            log.failed(&message);
            ReviewOutcome::Failed
        }
        ReadError::Limited { .. } => {
            log.limited(&message);
            ReviewOutcome::Limited
        }
    };
    let status = DenyStatus { code: 503, reason: "ServiceUnavailable", message: &message };
    (AdmissionResponse { uid, verdict: Verdict::Deny(status), warnings: &[] }.to_json(), outcome)
}

/// Log entries about one review.
struct ReviewLog<'a> {
    namespace: &'a str,
    body: &'a [u8],
    dry_run: bool,
}

impl ReviewLog<'_> {
    fn injected(&self) {
        if enabled!(Level::DEBUG) {
            let (namespace, pod, dry_run) = self.fields();
            debug!(namespace, pod, dry_run, reason = "injected", "pod injected");
        }
    }

    fn skipped(&self, reason: &str, message: &str) {
        if enabled!(Level::DEBUG) {
            let (namespace, pod, dry_run) = self.fields();
            debug!(namespace, pod, dry_run, reason, "pod skipped: {message}");
        }
    }

    fn denied(&self, reason: &str, message: &str) {
        let (namespace, pod, dry_run) = self.fields();
        info!(namespace, pod, dry_run, reason, "pod denied: {message}");
    }

    fn failed(&self, message: &str) {
        let (namespace, pod, dry_run) = self.fields();
        error!(namespace, pod, dry_run, reason = API_UNAVAILABLE, "pod denied: {message}");
    }

    fn limited(&self, message: &str) {
        let (namespace, pod, dry_run) = self.fields();
        warn!(namespace, pod, dry_run, reason = READ_LIMITED, "pod denied: {message}");
    }

    fn fields(&self) -> (&str, String, bool) {
        (self.namespace, object_ref::object_name(self.body), self.dry_run)
    }
}
