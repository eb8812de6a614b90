//! HTTP routes: parses paths and queries, and returns Kubernetes JSON.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::store::{Kind, ListPage, Outage, Store, WriteError};
use super::watch::{InitialEvents, Watch, render};

type SharedStore = State<Arc<Store>>;

/// Timeout in seconds of a watch without `timeoutSeconds`: the API server's minimum.
const DEFAULT_WATCH_TIMEOUT: u64 = 1800;

/// Query parameters of a list or watch. Unknown parameters are rejected, so that none is ignored silently.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Params {
    watch: bool,
    resource_version: Option<String>,
    #[serde(rename = "resourceVersionMatch")]
    _version_match: Option<String>,
    allow_watch_bookmarks: bool,
    send_initial_events: bool,
    timeout_seconds: Option<u64>,
    limit: usize,
    r#continue: Option<String>,
    field_selector: Option<String>,
}

impl Params {
    /// Returns the only selected name, if there is one.
    fn name(&self) -> Option<&str> {
        self.field_selector.as_deref()?.strip_prefix("metadata.name=")
    }
}

pub(super) fn router(store: Arc<Store>) -> Router {
    let all_namespaces = |kind| {
        get(move |State(store): SharedStore, Query(params), headers: HeaderMap| async move {
            list_or_watch(store, kind, String::new(), &params, &headers)
        })
    };
    Router::new()
        .route("/api/v1/namespaces", all_namespaces(Kind::Namespace))
        .route("/api/v1/serviceaccounts", all_namespaces(Kind::ServiceAccount))
        .route("/api/v1/namespaces/{namespace}/serviceaccounts", get(list_or_watch_service_accounts))
        .route("/api/v1/namespaces/{name}", get(get_namespace))
        .route("/api/v1/namespaces/{namespace}/serviceaccounts/{name}", get(get_service_account))
        .route("/api/v1/namespaces/{namespace}/secrets/{name}", read_and_replace(Kind::Secret))
        .route("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases", post(create_lease))
        .route(
            "/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}",
            read_and_replace(Kind::Lease),
        )
        .route(
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
            all_namespaces(Kind::MutatingWebhookConfiguration),
        )
        .route(
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{name}",
            get(get_webhook_configuration).patch(patch_webhook_configuration),
        )
        .route(
            "/version",
            get(|| async { Json(json!({"major": "1", "minor": "33", "gitVersion": "v1.33.0"})) }),
        )
        .fallback(|| async {
            status(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
        })
        .layer(from_fn_with_state(Arc::clone(&store), simulate_outage))
        .with_state(store)
}

async fn simulate_outage(State(store): SharedStore, request: Request, next: Next) -> Response {
    match store.outage() {
        None => next.run(request).await,
        Some(Outage::Silent) => std::future::pending().await,
        Some(Outage::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            next.run(request).await
        }
        Some(Outage::Unavailable) => status(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        Some(Outage::Forbidden) => status(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "User \"rolebridge\" cannot access the resource at the cluster scope",
        ),
    }
}

async fn list_or_watch_service_accounts(
    State(store): SharedStore,
    Path(namespace): Path<String>,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Response {
    list_or_watch(store, Kind::ServiceAccount, namespace, &params, &headers)
}

async fn get_namespace(State(store): SharedStore, Path(name): Path<String>, headers: HeaderMap) -> Response {
    get_object(&store, Kind::Namespace, "", &name, &headers)
}

async fn get_service_account(
    State(store): SharedStore,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    get_object(&store, Kind::ServiceAccount, &namespace, &name, &headers)
}

/// Returns the routes that read and replace a namespaced object.
fn read_and_replace(kind: Kind) -> MethodRouter<Arc<Store>> {
    type Names = Path<(String, String)>;
    get(move |State(store): SharedStore, Path((namespace, name)): Names, headers: HeaderMap| async move {
        get_object(&store, kind, &namespace, &name, &headers)
    })
    .put(
        move |State(store): SharedStore, Path((namespace, name)): Names, Json(object): Json<Value>| async move {
            write_response(&store, kind, &name, store.replace(kind, &namespace, &name, object))
        },
    )
}

async fn create_lease(
    State(store): SharedStore,
    Path(namespace): Path<String>,
    Json(object): Json<Value>,
) -> Response {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    write_response(&store, Kind::Lease, &name, store.create(Kind::Lease, &namespace, &name, object))
}

async fn get_webhook_configuration(
    State(store): SharedStore,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    get_object(&store, Kind::MutatingWebhookConfiguration, "", &name, &headers)
}

async fn patch_webhook_configuration(
    State(store): SharedStore,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind = Kind::MutatingWebhookConfiguration;
    let json_patch = headers.get(CONTENT_TYPE).is_some_and(|is| is == "application/json-patch+json");
    match serde_json::from_slice(&body) {
        Ok(patch) if json_patch => write_response(&store, kind, &name, store.patch(kind, "", &name, &patch)),
        _ => status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "the fake API server supports JSON Patch only",
        ),
    }
}

fn write_response(store: &Store, kind: Kind, name: &str, result: Result<Arc<Value>, WriteError>) -> Response {
    store.count(|calls| calls.writes += 1);
    let error = match result {
        Ok(object) => return Json(render(kind, &object, false)).into_response(),
        Err(error) => error,
    };
    let object = format!("{} \"{name}\"", kind.plural());
    match error {
        WriteError::NotFound => status(StatusCode::NOT_FOUND, "NotFound", &format!("{object} not found")),
        WriteError::AlreadyExists => {
            status(StatusCode::CONFLICT, "AlreadyExists", &format!("{object} already exists"))
        }
        WriteError::Conflict => status(
            StatusCode::CONFLICT,
            "Conflict",
            &format!("Operation cannot be fulfilled on {object}: the object has been modified"),
        ),
        WriteError::Invalid => status(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            &format!("the patch of {object} does not apply"),
        ),
    }
}

fn get_object(store: &Store, kind: Kind, namespace: &str, name: &str, headers: &HeaderMap) -> Response {
    store.count(|calls| calls.gets += 1);
    match store.read(kind, namespace, name) {
        Some(object) => Json(render(kind, &object, metadata_only(headers))).into_response(),
        None => status(StatusCode::NOT_FOUND, "NotFound", &format!("{} \"{name}\" not found", kind.plural())),
    }
}

fn list_or_watch(
    store: Arc<Store>,
    kind: Kind,
    namespace: String,
    params: &Params,
    headers: &HeaderMap,
) -> Response {
    let metadata_only = metadata_only(headers);
    if !params.watch {
        store.count(|calls| calls.lists += 1);
        let page = match &params.r#continue {
            Some(token) => store.next_page(token, params.limit),
            None => Some(store.list(kind, &namespace, params.name(), params.limit)),
        };
        return page.map_or_else(expired, |page| list(kind, &page, metadata_only));
    }
    store.count(|calls| calls.watches += 1);
    let Ok(version) = params.resource_version.as_deref().unwrap_or("0").parse() else {
        return status(StatusCode::BAD_REQUEST, "BadRequest", "resourceVersion: invalid value");
    };
    let watch = Watch {
        kind,
        namespace,
        name: params.name().map(str::to_owned),
        version,
        // Version 0 means "any": the server starts with the objects that it has.
        initial_events: match (params.send_initial_events, version) {
            (true, _) => InitialEvents::AllWithBookmark,
            (false, 0) => InitialEvents::All,
            _ => InitialEvents::None,
        },
        bookmarks: params.allow_watch_bookmarks,
        timeout: Duration::from_secs(params.timeout_seconds.unwrap_or(DEFAULT_WATCH_TIMEOUT)),
        metadata_only,
    };
    ([(CONTENT_TYPE, "application/json")], watch.body(store)).into_response()
}

fn list(kind: Kind, page: &ListPage, metadata_only: bool) -> Response {
    let (version, name) = if metadata_only {
        ("meta.k8s.io/v1", "PartialObjectMetadataList".to_owned())
    } else {
        ("v1", format!("{}List", kind.name()))
    };
    let mut metadata = json!({"resourceVersion": page.version.to_string()});
    if let Some(next) = &page.next {
        metadata["continue"] = json!(next);
        metadata["remainingItemCount"] = json!(page.remaining);
    }
    let items: Vec<Value> = page.items.iter().map(|object| render(kind, object, metadata_only)).collect();
    Json(json!({"apiVersion": version, "kind": name, "metadata": metadata, "items": items})).into_response()
}

/// Returns true if the client requested `PartialObjectMetadata` or a list of them.
fn metadata_only(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("as=PartialObjectMetadata"))
}

fn expired() -> Response {
    status(StatusCode::GONE, "Expired", "The provided continue parameter is too old")
}

fn status(code: StatusCode, reason: &str, message: &str) -> Response<Body> {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16()});
    (code, Json(body)).into_response()
}
