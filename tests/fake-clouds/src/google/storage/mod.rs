//! Cloud Storage. The JSON API reads an object or its metadata and lists a bucket; the XML API, which some libraries
//! use, downloads an object. Errors are JSON in both. [`read_object`] is the gRPC API.

mod read_object;

use http::header::{CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::Google;
use super::error::{ApiError, Style};
use super::policy::Policy;
use super::principal::Principal;
use crate::clock::Timestamp;
use crate::config;
use crate::error::ConfigError;
use crate::events::Detail;
use crate::operation::Operation;
use crate::wire::{Fields, Request, Response};

const SCOPES: [&str; 3] = [
    "https://www.googleapis.com/auth/devstorage.read_only",
    "https://www.googleapis.com/auth/devstorage.read_write",
    "https://www.googleapis.com/auth/devstorage.full_control",
];

/// The buckets.
#[derive(Debug)]
pub(crate) struct Storage(Vec<Bucket>);

#[derive(Debug)]
struct Bucket {
    name: String,
    policy: Policy,
    objects: Vec<config::Object>,
}

impl Storage {
    pub(crate) fn new(config: &[config::Bucket]) -> Result<Self, ConfigError> {
        let buckets = config.iter().map(|bucket| {
            let policy = Policy::new(&format!("the bucket {}", bucket.name), &bucket.bindings)?;
            Ok(Bucket { name: bucket.name.clone(), policy, objects: bucket.objects.clone() })
        });
        buckets.collect::<Result<_, _>>().map(Self)
    }

    /// Returns a bucket if the caller has the permission.
    fn bucket(&self, name: &str, permission: &str, caller: &Principal) -> Result<&Bucket, ApiError> {
        let found = self.0.iter().find(|bucket| bucket.name == name);
        let found = found.ok_or_else(|| ApiError::not_found("The specified bucket does not exist."))?;
        if found.policy.grants(permission, caller) {
            return Ok(found);
        }
        let resource = if permission == "storage.objects.list" { "bucket" } else { "object" };
        Err(ApiError::forbidden(format!(
            "{} does not have {permission} access to the Google Cloud Storage {resource}. Permission '{permission}' \
             denied on resource (or it may not exist).",
            caller.name()
        )))
    }

    /// Returns an object that the caller may read.
    fn object(&self, bucket: &str, name: &str, caller: &Principal) -> Result<&config::Object, ApiError> {
        let found = self.bucket(bucket, "storage.objects.get", caller)?;
        let object = found.objects.iter().find(|object| object.name == name);
        object.ok_or_else(|| ApiError::not_found(format!("No such object: {bucket}/{name}")))
    }
}

/// Returns the rest of a path of the JSON API. All other paths belong to the XML API.
fn json_path(path: &str) -> Option<&str> {
    path.strip_prefix("/download").unwrap_or(path).strip_prefix("/storage/v1/b/")
}

/// Returns the bucket and, unless the request is a list, the object.
fn path(request: &Request) -> Option<(String, Option<String>)> {
    if request.method() != Method::GET {
        return None;
    }
    let path = request.uri().path();
    let decode = |part: &str| percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    let Some(path) = json_path(path) else {
        let (bucket, object) = path.strip_prefix('/')?.split_once('/')?;
        return Some((decode(bucket)?, Some(decode(object)?)));
    };
    if let Some(bucket) = path.strip_suffix("/o") {
        return Some((decode(bucket)?, None));
    }
    let (bucket, object) = path.split_once("/o/")?;
    Some((decode(bucket)?, Some(decode(object)?)))
}

pub(crate) fn operation(request: &Request) -> Operation {
    match path(request) {
        Some((_, Some(_))) => Operation::GetObject,
        Some((_, None)) => Operation::ListObjects,
        None if read_object::is_call(request) => Operation::ReadObject,
        None => Operation::Unknown,
    }
}

impl Google {
    pub(super) fn object(&self, request: &Request, now: Timestamp) -> Result<Response, ApiError> {
        let caller = self.tokens.caller(request, now, Style::Legacy, &SCOPES)?;
        let Some((bucket, Some(name))) = path(request) else { return Err(ApiError::unknown_method(request)) };
        let object = self.storage.object(&bucket, &name, &caller)?;
        let xml_api = json_path(request.uri().path()).is_none();
        let response = if xml_api || Fields::from_query(request).value("alt") == Some("media") {
            let mut response = Response::new(StatusCode::OK, "", object.content.clone())
                .with_header(HeaderName::from_static("x-goog-generation"), GENERATION)
                .with_header(ETAG, "\"1\"")
                .with_header(LAST_MODIFIED, "Tue, 24 Nov 2026 04:00:00 GMT");
            if let Ok(content_type) = HeaderValue::from_str(&object.content_type) {
                response.headers.insert(CONTENT_TYPE, content_type);
            }
            response
        } else {
            Response::json(StatusCode::OK, &metadata(&bucket, object))
        };
        let object = format!("gs://{bucket}/{name}");
        Ok(response.with_detail(Detail::ObjectRead { principal: caller.to_string(), object }))
    }

    pub(super) fn objects(&self, request: &Request, now: Timestamp) -> Result<Response, ApiError> {
        let caller = self.tokens.caller(request, now, Style::Legacy, &SCOPES)?;
        let Some((bucket, None)) = path(request) else { return Err(ApiError::unknown_method(request)) };
        let found = self.storage.bucket(&bucket, "storage.objects.list", &caller)?;
        let fields = Fields::from_query(request);
        let prefix = fields.value("prefix").unwrap_or_default();
        let items = found.objects.iter().filter(|object| object.name.starts_with(prefix));
        let items: Vec<_> = items.map(|object| metadata(&bucket, object)).collect();
        let response = Response::json(StatusCode::OK, &json!({"kind": "storage#objects", "items": items}));
        let object = format!("gs://{bucket}");
        Ok(response.with_detail(Detail::ObjectRead { principal: caller.to_string(), object }))
    }
}

/// The generation of every object: objects never change here.
const GENERATION: &str = "1";

fn metadata(bucket: &str, object: &config::Object) -> Value {
    json!({
        "kind": "storage#object",
        "id": format!("{bucket}/{}/{GENERATION}", object.name),
        "name": object.name,
        "bucket": bucket,
        "generation": GENERATION,
        "metageneration": "1",
        "contentType": object.content_type,
        "storageClass": "STANDARD",
        "size": object.content.len().to_string(),
    })
}
