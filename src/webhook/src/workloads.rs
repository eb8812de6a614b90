//! The review of a Deployment and its like: always allowed, never changed, with the sentences that its pods would get.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use rolebridge_inject::workload::{self, Workload, WorkloadPreview};
use tracing::debug;

use crate::answer::{Answer, Verdict};
use crate::body::Rejection;
use crate::review;
use crate::router::{Webhook, respond};

/// Answers the review of a workload.
pub async fn preview(State(webhook): State<Arc<Webhook>>, request: Request) -> Response {
    let answer = answer(&webhook, request).await;
    respond(&webhook, answer)
}

async fn answer(webhook: &Webhook, request: Request) -> Result<String, Rejection> {
    let body = webhook.intake.take(request).await?;
    let request: review::Request<'_, Workload<'_>> = review::decode(body.bytes())?;
    let advice = match &request.object {
        Some(workload) => advice(webhook, &request.namespace, workload).await,
        None => WorkloadPreview::default(),
    };
    webhook.metrics.workload(!advice.warnings.is_empty());
    Ok(Answer { uid: request.uid.get(), verdict: Verdict::Allow, warnings: &advice.warnings }.to_json())
}

async fn advice(webhook: &Webhook, namespace: &str, workload: &Workload<'_>) -> WorkloadPreview {
    let Some(template) = workload.template() else { return WorkloadPreview::default() };
    let defaults = webhook.defaults.current();
    let service_account = template.service_account();
    let cached = webhook
        .lookup
        .cached(namespace, service_account)
        .map(|cached| workload::preview(workload, &cached.context(namespace, &defaults)));
    match cached {
        Some(advice) if !advice.depends_on_metadata => advice,
        cached => match webhook.lookup.live(namespace, service_account).await {
            Ok(live) => workload::preview(workload, &live.context(namespace, &defaults)),
            // Advice alone: nothing goes wrong without it, and the pods' own reviews will not miss a thing.
            Err(error) => {
                debug!(namespace, %error, "advice by the caches alone");
                cached.unwrap_or_default()
            }
        },
    }
}
