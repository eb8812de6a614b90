//! Cloud Storage. The JSON API reads an object or its metadata and lists a bucket; the XML API, which some libraries
//! use, downloads an object. Errors are JSON in both. [`read_object`] is the gRPC API, and [`signed_url`] an object's URL with a
//! signature.

pub(super) mod buckets;
mod crc32c;
mod read_object;
mod signed_url;

use http::header::{CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use self::buckets::SCOPES;
use super::cloud::Google;
use super::error::{ApiError, Style};
use crate::clock::Timestamp;
use crate::config;
use crate::events::Detail;
use crate::fields::Fields;
use crate::operation::Operation;
use crate::wire::{Request, Response, header};

/// Returns the rest of a path of the JSON API. All other paths belong to the XML API.
fn json_path(path: &str) -> Option<&str> {
    path.strip_prefix("/download").unwrap_or(path).strip_prefix("/storage/v1/b/")
}

/// Returns the bucket and, unless the request is a list, the object.
fn path(request: &Request) -> Option<(String, Option<String>)> {
    let is_probe = request.method() == Method::HEAD && signed_url::is_signed(request);
    if request.method() != Method::GET && !is_probe {
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

/// Returns true for the policy of a bucket.
pub(super) fn is_policy(request: &Request) -> bool {
    json_path(request.uri().path()).is_some_and(|path| path.ends_with("/iam") && !path.contains("/o/"))
}

pub(crate) fn operation(request: &Request) -> Operation {
    if is_policy(request) {
        return Operation::Administer;
    }
    match path(request) {
        Some((_, Some(_))) if signed_url::is_signed(request) => Operation::GetSignedObject,
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
            content(object)
        } else {
            Response::json(StatusCode::OK, &metadata(request, &bucket, object))
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
        let items: Vec<_> = items.map(|object| metadata(request, &bucket, object)).collect();
        let response = Response::json(StatusCode::OK, &json!({"kind": "storage#objects", "items": items}));
        let object = format!("gs://{bucket}");
        Ok(response.with_detail(Detail::ObjectRead { principal: caller.to_string(), object }))
    }
}

/// Returns the response with an object's content.
fn content(object: &config::Object) -> Response {
    let checksum = format!("crc32c={}", crc32c::checksum(object.content.as_bytes()));
    let mut response = Response::new(StatusCode::OK, "", object.content.clone())
        .with_header(HeaderName::from_static("x-goog-generation"), GENERATION)
        // Without an MD5 sum, as of a composite object. Some libraries refuse content without a checksum.
        .with_header(HeaderName::from_static("x-goog-hash"), &checksum)
        .with_header(ETAG, "\"1\"")
        .with_header(LAST_MODIFIED, "Tue, 24 Nov 2026 04:00:00 GMT");
    if let Ok(content_type) = HeaderValue::from_str(&object.content_type) {
        response.headers.insert(CONTENT_TYPE, content_type);
    }
    response
}

/// The generation of every object: objects never change here.
const GENERATION: &str = "1";

/// The time at which every object was written, as in the header Last-Modified.
const WRITTEN: &str = "2026-11-24T04:00:00.000Z";

/// Returns an object's metadata. gcloud downloads from the `mediaLink` alone, which names the host that the caller called.
fn metadata(request: &Request, bucket: &str, object: &config::Object) -> Value {
    let host = header(request, "host").unwrap_or_default();
    let path = format!("storage/v1/b/{bucket}/o/{}", utf8_percent_encode(&object.name, NON_ALPHANUMERIC));
    json!({
        "kind": "storage#object",
        "id": format!("{bucket}/{}/{GENERATION}", object.name),
        "selfLink": format!("https://{host}/{path}"),
        "mediaLink": format!("https://{host}/download/{path}?generation={GENERATION}&alt=media"),
        "name": object.name,
        "bucket": bucket,
        "generation": GENERATION,
        "metageneration": "1",
        // Both generations as a message of protobuf, as at Google.
        "etag": "CAEQAQ==",
        "contentType": object.content_type,
        "storageClass": "STANDARD",
        "size": object.content.len().to_string(),
        "crc32c": crc32c::checksum(object.content.as_bytes()),
        "timeCreated": WRITTEN,
        "updated": WRITTEN,
        "timeStorageClassUpdated": WRITTEN,
    })
}
