//! Cloud Storage, its gRPC API: `ReadObject`, an object's content as a stream. Of a request the bucket and the object are
//! looked at.
//!
//! Source: google/storage/v2/storage.proto; AIP-4222 for the header that says which bucket.

use prost::Message;

use super::SCOPES;
use crate::clock::Timestamp;
use crate::events::Detail;
use crate::google::error::{ApiError, Style};
use crate::google::{Google, grpc};
use crate::wire::{Fields, Request, Response, header};

const METHOD: &str = "/google.storage.v2.Storage/ReadObject";
/// The most bytes of an object in one message, as Google has it: 2 MiB.
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

/// Without the checksum, which may be absent.
#[derive(Clone, PartialEq, Eq, Message)]
struct ChecksummedData {
    #[prost(bytes = "bytes", tag = "1")]
    content: bytes::Bytes,
}

pub(super) fn is_call(request: &Request) -> bool {
    grpc::is_call(request, METHOD)
}

/// The bucket and the object.
fn target(request: &Request) -> Result<(String, String), ApiError> {
    let message: ReadObjectRequest = grpc::message(request.body())
        .ok_or_else(|| ApiError::invalid("invalid", "Failed to parse the request."))?;
    // The front end finds the bucket here, and looks into no message.
    let routing = Fields::parse(header(request, "x-goog-request-params").unwrap_or_default());
    if routing.value("bucket") != Some(&message.bucket) {
        let message = "An x-goog-request-params request metadata property must be provided for this request.";
        return Err(ApiError::invalid("invalid", message));
    }
    let bucket = message.bucket.strip_prefix("projects/_/buckets/").ok_or_else(|| {
        // Own words.
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
