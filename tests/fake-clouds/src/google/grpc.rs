//! The part of gRPC that unary requests and streamed responses need: frames, and the status of a response.
//!
//! Source: "gRPC over HTTP2", and google.rpc.Code.

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use prost::Message;

use crate::wire::{Request, Response, header};

const TYPE: &str = "application/grpc";
/// The characters that a status message must encode, in addition to those outside ASCII.
const RESERVED: &AsciiSet = &CONTROLS.add(b'%');
/// The length of a frame's prefix: a byte for the compressed flag, and four for the message length.
const PREFIX: usize = 5;

/// Returns true if the request calls a method, `/PACKAGE.SERVICE/METHOD`.
pub(crate) fn is_call(request: &Request, method: &str) -> bool {
    request.method() == http::Method::POST && request.uri().path() == method && has_type(request)
}

/// Returns true if the request has the content type of gRPC.
pub(crate) fn has_type(request: &Request) -> bool {
    header(request, CONTENT_TYPE.as_str()).is_some_and(|value| value.starts_with(TYPE))
}

/// Decodes the single message of a request. Returns `None` if there is none or more than one, or if it is compressed:
/// the fake announces no compression.
pub(super) fn message<M: Message + Default>(body: &Bytes) -> Option<M> {
    let (prefix, message) = body.split_first_chunk::<PREFIX>()?;
    let [0, length @ ..] = *prefix else { return None };
    let is_complete = usize::try_from(u32::from_be_bytes(length)).ok()? == message.len();
    is_complete.then(|| M::decode(message).ok()).flatten()
}

/// Encodes a message as a frame.
pub(super) fn frame(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX + message.encoded_len());
    frame.put_u8(0);
    frame.put_slice(&u32::try_from(message.encoded_len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.put_slice(&message.encode_to_vec());
    frame.freeze()
}

/// Returns a response with messages and the status `OK`.
pub(super) fn ok_response<'a, M: Message + 'a>(messages: impl Iterator<Item = M>) -> Response {
    let body: BytesMut = messages.flat_map(|message| frame(&message)).collect();
    Response { trailers: Some(status("OK", "")), ..Response::new(StatusCode::OK, TYPE, body) }
}

/// Returns an error response without a message. Its status is in the headers, because an empty body has no trailers.
pub(super) fn error_response(code: &str, message: &str) -> Response {
    let mut response = Response::new(StatusCode::OK, TYPE, "");
    response.headers.extend(status(code, message));
    response
}

fn status(code: &str, message: &str) -> HeaderMap {
    let mut status = HeaderMap::new();
    status.insert(HeaderName::from_static("grpc-status"), status_code(code).into());
    let message = utf8_percent_encode(message, RESERVED).to_string();
    if let Ok(message) = HeaderValue::from_str(&message)
        && !message.is_empty()
    {
        status.insert(HeaderName::from_static("grpc-message"), message);
    }
    status
}

/// Returns the number of a google.rpc.Code, or that of `UNKNOWN` for a code that the fake never sends.
fn status_code(code: &str) -> u16 {
    match code {
        "OK" => 0,
        "INVALID_ARGUMENT" => 3,
        "NOT_FOUND" => 5,
        "PERMISSION_DENIED" => 7,
        "RESOURCE_EXHAUSTED" => 8,
        "UNIMPLEMENTED" => 12,
        "INTERNAL" => 13,
        "UNAUTHENTICATED" => 16,
        _ => 2,
    }
}
