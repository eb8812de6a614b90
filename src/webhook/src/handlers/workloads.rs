//! Handler for reviews of Deployments and other workloads. It never denies or changes them, and returns the warnings
//! that their pods would get.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use rolebridge_inject::workload::{self, Workload, WorkloadPreview};
use rolebridge_inject::{Context, MetadataDependency, Pod};
use tracing::debug;

use crate::admission::body::{Body, Rejection};
use crate::admission::budget::Charge;
use crate::admission::response::{self, AdmissionResponse};
use crate::admission::review;
use crate::handlers::respond::respond;
use crate::metadata::lookup::{PodMetadata, PodObjects, Subject, Verdict};
use crate::state::AppState;

/// Responds to the review of a workload.
pub async fn preview(State(state): State<Arc<AppState>>, request: Request) -> Response {
    let review = handle(&state, request).await;
    respond(&state, review)
}

async fn handle(state: &AppState, request: Request) -> Result<Bytes, Rejection> {
    let body = state.body_reader.read(request).await?;
    // A CronJob has its template elsewhere. An object may claim to have both.
    let decoding = body.charge_decoding(body.bytes(), 2)?;
    let request: review::Request<'_, Workload<'_>> = review::decode(body.bytes())?;
    let preview = match &request.object {
        Some(workload) => preview_pods(state, &request.namespace, workload, &body, decoding).await,
        None => WorkloadPreview::default(),
    };
    state.metrics.record_workload_review(!preview.warnings.is_empty());
    let response = AdmissionResponse {
        uid: request.uid.get(),
        verdict: response::Verdict::Allow,
        warnings: &preview.warnings,
    };
    let json = response.to_json();
    body.into_response(json)
}

async fn preview_pods(
    state: &AppState,
    namespace: &str,
    workload: &Workload<'_>,
    body: &Body,
    decoding: Charge,
) -> WorkloadPreview {
    let Some(template) = workload.template() else { return WorkloadPreview::default() };
    preview_template(state, namespace, template, body, decoding, |context| {
        workload::preview(workload, context)
    })
    .await
}

/// Previews a pod template with the metadata that it depends on. The charge of its decoding is returned when it waits.
pub(super) async fn preview_template(
    state: &AppState,
    namespace: &str,
    template: &Pod<'_>,
    body: &Body,
    decoding: Charge,
    preview: impl Fn(&Context<'_>) -> WorkloadPreview,
) -> WorkloadPreview {
    let defaults = state.defaults.current();
    let objects = PodObjects { namespace, service_account: template.service_account() };
    let decide = |metadata: &PodMetadata| {
        let preview = preview(&metadata.admission_context(namespace, &defaults));
        Verdict {
            requires: MetadataDependency::BOTH,
            confirmed_by: preview.depends_on_metadata,
            decision: preview,
        }
    };
    let wait = || {
        drop(decoding);
        body.wait_with(template)
    };
    state.lookup.decide(Subject::Workload, objects, wait, decide).await.unwrap_or_else(|error| {
        // A preview is only advice: the reviews of the pods decide.
        debug!(namespace, %error, "no preview, because an object is not cached");
        WorkloadPreview::default()
    })
}
