//! gRPC, as much as a call needs whose messages are at hand: frames, and the status that ends an response.
//!
//! Source: "gRPC over HTTP2", and google.rpc.Code.

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use prost::Message;

use crate::wire::{Request, Response, header};

const TYPE: &str = "application/grpc";
/// What a message is not to hold as it is; nor what is not ASCII, which is always encoded.
const RESERVED: &AsciiSet = &CONTROLS.add(b'%');
/// A byte that says whether the message is compressed, and four of its length.
const PREFIX: usize = 5;

/// Whether this is a call of a method, `/PACKAGE.SERVICE/METHOD`.
pub(crate) fn is_call(request: &Request, method: &str) -> bool {
    request.method() == http::Method::POST
        && request.uri().path() == method
        && header(request, CONTENT_TYPE.as_str()).is_some_and(|value| value.starts_with(TYPE))
}

/// The one message of a call. `None`: it is none, or more than one, or compressed, which nobody said may be.
pub(super) fn message<M: Message + Default>(body: &Bytes) -> Option<M> {
    let (prefix, message) = body.split_first_chunk::<PREFIX>()?;
    let [0, length @ ..] = *prefix else { return None };
    let is_complete = usize::try_from(u32::from_be_bytes(length)).ok()? == message.len();
    is_complete.then(|| M::decode(message).ok()).flatten()
}

/// A message as it travels.
pub(super) fn frame(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX + message.encoded_len());
    frame.put_u8(0);
    frame.put_slice(&u32::try_from(message.encoded_len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.put_slice(&message.encode_to_vec());
    frame.freeze()
}

/// These messages, and then that all is well.
pub(super) fn ok_response<'a, M: Message + 'a>(messages: impl Iterator<Item = M>) -> Response {
    let body: BytesMut = messages.flat_map(|message| frame(&message)).collect();
    Response { trailers: Some(status("OK", "")), ..Response::new(StatusCode::OK, TYPE, body) }
}

/// A refusal: no message, and the status among the headers, since no trailers follow what is empty.
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

/// The number of a google.rpc.Code; that of `UNKNOWN` for what the fake never says.
fn status_code(code: &str) -> u16 {
    match code {
        "OK" => 0,
        "INVALID_ARGUMENT" => 3,
        "NOT_FOUND" => 5,
        "PERMISSION_DENIED" => 7,
        "RESOURCE_EXHAUSTED" => 8,
        "INTERNAL" => 13,
        "UNAUTHENTICATED" => 16,
        _ => 2,
    }
}
