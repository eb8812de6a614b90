//! The HTTP side: paths and queries in, Kubernetes's JSON out.

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

use super::store::{Kind, NotWritten, Outage, Page, Store};
use super::watch::{Start, Watch, shown};

type Shared = State<Arc<Store>>;

/// A client that names no limit on a watch's time gets the API server's least.
const DEFAULT_TIMEOUT: u64 = 1800;

/// What a client may ask of a collection. What is not here is refused, lest it be ignored silently.
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
}

pub(super) fn router(store: Arc<Store>) -> Router {
    let all = |kind| {
        get(move |State(store): Shared, Query(params), headers: HeaderMap| async move {
            collection(store, kind, String::new(), &params, &headers)
        })
    };
    Router::new()
        .route("/api/v1/namespaces", all(Kind::Namespace))
        .route("/api/v1/serviceaccounts", all(Kind::ServiceAccount))
        .route("/api/v1/namespaces/{namespace}/serviceaccounts", get(service_accounts))
        .route("/api/v1/namespaces/{name}", get(namespace))
        .route("/api/v1/namespaces/{namespace}/serviceaccounts/{name}", get(service_account))
        .route("/api/v1/namespaces/{namespace}/secrets/{name}", writable(Kind::Secret))
        .route("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases", post(create_lease))
        .route("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}", writable(Kind::Lease))
        .route(
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{name}",
            get(configuration).patch(patch_configuration),
        )
        .route(
            "/version",
            get(|| async { Json(json!({"major": "1", "minor": "33", "gitVersion": "v1.33.0"})) }),
        )
        .fallback(|| async {
            status(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
        })
        .layer(from_fn_with_state(Arc::clone(&store), outage))
        .with_state(store)
}

async fn outage(State(store): Shared, request: Request, next: Next) -> Response {
    match store.outage() {
        None => next.run(request).await,
        Some(Outage::Silent) => std::future::pending().await,
        Some(Outage::Unavailable) => status(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        Some(Outage::Forbidden) => status(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "User \"rolebridge\" cannot do that at the cluster scope",
        ),
    }
}

async fn service_accounts(
    State(store): Shared,
    Path(namespace): Path<String>,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Response {
    collection(store, Kind::ServiceAccount, namespace, &params, &headers)
}

async fn namespace(State(store): Shared, Path(name): Path<String>, headers: HeaderMap) -> Response {
    single(&store, Kind::Namespace, "", &name, &headers)
}

async fn service_account(
    State(store): Shared,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    single(&store, Kind::ServiceAccount, &namespace, &name, &headers)
}

/// Reads and replaces an object in a namespace.
fn writable(kind: Kind) -> MethodRouter<Arc<Store>> {
    type Names = Path<(String, String)>;
    get(move |State(store): Shared, Path((namespace, name)): Names, headers: HeaderMap| async move {
        single(&store, kind, &namespace, &name, &headers)
    })
    .put(
        move |State(store): Shared, Path((namespace, name)): Names, Json(object): Json<Value>| async move {
            written(&store, kind, &name, store.replace(kind, &namespace, &name, object))
        },
    )
}

async fn create_lease(
    State(store): Shared,
    Path(namespace): Path<String>,
    Json(object): Json<Value>,
) -> Response {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    written(&store, Kind::Lease, &name, store.create(Kind::Lease, &namespace, &name, object))
}

async fn configuration(State(store): Shared, Path(name): Path<String>, headers: HeaderMap) -> Response {
    single(&store, Kind::MutatingWebhookConfiguration, "", &name, &headers)
}

async fn patch_configuration(
    State(store): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind = Kind::MutatingWebhookConfiguration;
    let json_patch = headers.get(CONTENT_TYPE).is_some_and(|is| is == "application/json-patch+json");
    match serde_json::from_slice(&body) {
        Ok(patch) if json_patch => written(&store, kind, &name, store.patch(kind, "", &name, &patch)),
        _ => status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "only JSON Patch is known here",
        ),
    }
}

fn written(store: &Store, kind: Kind, name: &str, written: Result<Value, NotWritten>) -> Response {
    store.count(|calls| calls.writes += 1);
    let refused = match written {
        Ok(object) => return Json(shown(kind, &object, false)).into_response(),
        Err(refused) => refused,
    };
    let object = format!("{} \"{name}\"", kind.plural());
    match refused {
        NotWritten::Absent => status(StatusCode::NOT_FOUND, "NotFound", &format!("{object} not found")),
        NotWritten::Exists => {
            status(StatusCode::CONFLICT, "AlreadyExists", &format!("{object} already exists"))
        }
        NotWritten::Conflict => status(
            StatusCode::CONFLICT,
            "Conflict",
            &format!("Operation cannot be fulfilled on {object}: the object has been modified"),
        ),
        NotWritten::Unprocessable => status(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            &format!("the patch of {object} does not apply"),
        ),
    }
}

fn single(store: &Store, kind: Kind, namespace: &str, name: &str, headers: &HeaderMap) -> Response {
    store.count(|calls| calls.gets += 1);
    match store.read(kind, namespace, name) {
        Some(object) => Json(shown(kind, &object, metadata_only(headers))).into_response(),
        None => status(StatusCode::NOT_FOUND, "NotFound", &format!("{} \"{name}\" not found", kind.plural())),
    }
}

fn collection(
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
            None => Some(store.list(kind, &namespace, params.limit)),
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
        version,
        // Version 0 means "any": the server begins with what it has.
        start: match (params.send_initial_events, version) {
            (true, _) => Start::EverythingMarked,
            (false, 0) => Start::Everything,
            _ => Start::Changes,
        },
        bookmarks: params.allow_watch_bookmarks,
        timeout: Duration::from_secs(params.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT)),
        metadata_only,
    };
    ([(CONTENT_TYPE, "application/json")], watch.body(store)).into_response()
}

fn list(kind: Kind, page: &Page, metadata_only: bool) -> Response {
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
    let items: Vec<Value> = page.items.iter().map(|object| shown(kind, object, metadata_only)).collect();
    Json(json!({"apiVersion": version, "kind": name, "metadata": metadata, "items": items})).into_response()
}

/// Whether the client wants `PartialObjectMetadata` or a list of them.
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
