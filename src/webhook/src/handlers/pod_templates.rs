//! Handler for reviews of kinds that the platform team lists, such as a Rollout. Their pod templates are found by structure. It
//! never denies or changes an object, and returns the warnings that its pods would get.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use rolebridge_inject::workload::{self, PodTemplates};
use rolebridge_inject::{Context, Pod};
use serde_json::value::RawValue;
use tracing::debug;

use crate::admission::body::{Body, Rejection};
use crate::admission::response::{AdmissionResponse, Verdict};
use crate::admission::review;
use crate::handlers::respond::respond;
use crate::handlers::workloads::preview_template;
use crate::state::AppState;

/// Maximum number of previewed pod templates of an object, because each may need two reads of other objects.
pub const MAX_PREVIEWED_TEMPLATES: usize = 8;

/// Responds to the review of an object with pod templates.
pub async fn preview(State(state): State<Arc<AppState>>, request: Request) -> Response {
    let review = handle(&state, request).await;
    respond(&state, review)
}

async fn handle(state: &AppState, request: Request) -> Result<Bytes, Rejection> {
    let body = state.body_reader.read(request).await?;
    let request: review::Request<'_, &RawValue> = review::decode(body.bytes())?;
    let warnings = match request.object {
        Some(object) => preview_object(state, &request, object.get(), &body).await?,
        None => Vec::new(),
    };
    state.metrics.record_workload_review(!warnings.is_empty());
    let response = AdmissionResponse { uid: request.uid.get(), verdict: Verdict::Allow, warnings: &warnings };
    let json = response.to_json();
    body.into_response(json)
}

async fn preview_object(
    state: &AppState,
    request: &review::Request<'_, &RawValue>,
    object: &str,
    body: &Body,
) -> Result<Vec<String>, Rejection> {
    let (namespace, kind) = (&*request.namespace, &*request.kind.kind);
    let found = {
        // The search keeps all fields of an object and of those that contain it, in places smaller than those of a pod.
        let _searching = body.charge_decoding(object.as_bytes(), usize::MAX)?;
        PodTemplates::find(object).unwrap_or_default()
    };
    let mut warnings = Vec::new();
    for template in found.templates.iter().take(MAX_PREVIEWED_TEMPLATES) {
        let decoding = body.charge_decoding(template.json.as_bytes(), 1)?;
        match serde_json::from_str::<Pod<'_>>(template.json) {
            Ok(pod) => {
                let preview =
                    preview_template(state, namespace, &pod, body, decoding, |context: &Context<'_>| {
                        workload::preview_pods(kind, &pod, context)
                    });
                warnings.extend(preview.await.warnings);
            }
            Err(error) => {
                debug!(namespace, kind, template.pointer, %error, "no preview, because the template is invalid");
            }
        }
    }
    warnings.extend(found.stray_keys.iter().map(|key| key.warning(kind)));
    // Templates of one object usually share a mistake.
    let mut unique: Vec<String> = Vec::new();
    for warning in warnings {
        if !unique.contains(&warning) {
            unique.push(warning);
        }
    }
    Ok(unique)
}
