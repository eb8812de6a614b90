//! Cloud Storage's gRPC API: `ReadObject` streams an object's content. The fake reads only the bucket and the object in
//! a request.
//!
//! Source: google/storage/v2/storage.proto; AIP-4222 for the header that contains the bucket.

use prost::Message;

use super::buckets::SCOPES;
use crate::clock::Timestamp;
use crate::events::Detail;
use crate::fields::Fields;
use crate::google::cloud::Google;
use crate::google::error::{ApiError, Style};
use crate::google::grpc;
use crate::wire::{Request, Response, header};

const METHOD: &str = "/google.storage.v2.Storage/ReadObject";
/// Maximum number of an object's bytes in one message, as at Google: 2 MiB.
const MAX_MESSAGE_BYTES: usize = 2 << 20;

#[derive(Clone, PartialEq, Eq, Message)]
struct ReadObjectRequest {
    /// `projects/_/buckets/BUCKET`.
    #[prost(string, tag = "1")]
    bucket: String,
    #[prost(string, tag = "2")]
    object: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct ReadObjectResponse {
    #[prost(message, optional, tag = "1")]
    checksummed_data: Option<ChecksummedData>,
}

/// The content without its checksum, which is optional.
#[derive(Clone, PartialEq, Eq, Message)]
struct ChecksummedData {
    #[prost(bytes = "bytes", tag = "1")]
    content: bytes::Bytes,
}

pub(super) fn is_call(request: &Request) -> bool {
    grpc::is_call(request, METHOD)
}

/// Returns the bucket and the object.
fn target(request: &Request) -> Result<(String, String), ApiError> {
    let message: ReadObjectRequest = grpc::message(request.body())
        .ok_or_else(|| ApiError::invalid("invalid", "Failed to parse the request."))?;
    // The front end reads the bucket in this header, and never the message.
    let routing = Fields::parse(header(request, "x-goog-request-params").unwrap_or_default());
    if routing.value("bucket") != Some(&message.bucket) {
        let message = "An x-goog-request-params request metadata property must be provided for this request.";
        return Err(ApiError::invalid("invalid", message));
    }
    let bucket = message.bucket.strip_prefix("projects/_/buckets/").ok_or_else(|| {
        // This fake's own message.
        let message = format!("The bucket `{}` is not projects/_/buckets/BUCKET.", message.bucket);
        ApiError::invalid("invalid", message)
    })?;
    Ok((bucket.to_owned(), message.object))
}

impl Google {
    pub(in crate::google) fn read_object(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ApiError> {
        let caller = self.tokens.caller(request, now, Style::Grpc, &SCOPES)?;
        let (bucket, name) = target(request)?;
        let object = self.storage.object(&bucket, &name, &caller)?;
        let chunks = object.content.as_bytes().chunks(MAX_MESSAGE_BYTES).map(|chunk| ReadObjectResponse {
            checksummed_data: Some(ChecksummedData { content: chunk.to_vec().into() }),
        });
        let object = format!("gs://{bucket}/{name}");
        Ok(grpc::ok_response(chunks)
            .with_detail(Detail::ObjectRead { principal: caller.to_string(), object }))
    }
}

#[cfg(test)]
mod tests;
