//! Calls of `ReadObject`, frame by frame.

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::faults::{Calls, Fault};
use crate::operation::Operation;
use crate::service::Service;
use crate::testing::*;

const BUCKET: &str = "projects/_/buckets/reports";
const OBJECT: &str = "2026/11/24.txt";

fn read_request(bucket: &str, object: &str, token: &str) -> Request {
    let body = grpc::frame(&ReadObjectRequest { bucket: bucket.to_owned(), object: object.to_owned() });
    let mut request = http::Request::post(METHOD)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("x-goog-request-params", format!("bucket={}", percent_encode(bucket)))
        .body(body)
        .unwrap();
    set_bearer_token(&mut request, token);
    request
}

async fn federated(fixture: &Fixture) -> String {
    json_body(&fixture.exchange(&[]).await)["access_token"].as_str().unwrap().to_owned()
}

async fn impersonated(fixture: &Fixture) -> String {
    let federated = federated(fixture).await;
    let body = json!({"scope": ["https://www.googleapis.com/auth/cloud-platform"]});
    let response = fixture.impersonate(ACCOUNT, &federated, &body).await;
    json_body(&response)["accessToken"].as_str().unwrap().to_owned()
}

/// Returns the contents of a response's messages.
fn content(response: &Response) -> Vec<Bytes> {
    let mut rest = response.body.clone();
    let mut content = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[1..5].try_into().unwrap());
        let frame = rest.split_to(5 + usize::try_from(length).unwrap());
        let message: ReadObjectResponse = grpc::message(&frame).unwrap();
        content.push(message.checksummed_data.unwrap().content);
    }
    content
}

/// Returns the status of an error, its encoded message, and the error in the event log.
fn grpc_error(response: &Response) -> (&str, &str, &str) {
    let status = |name| response.headers[name].to_str().unwrap();
    assert_eq!((response.status.as_u16(), &response.trailers, response.body.len()), (200, &None, 0));
    (status("grpc-status"), status("grpc-message"), error_message(response))
}

#[tokio::test]
async fn read_object_returns_content() {
    let fixture = Fixture::new();
    for token in [impersonated(&fixture).await, federated(&fixture).await] {
        let response = fixture.call(Service::Storage, read_request(BUCKET, OBJECT, &token)).await;
        assert_eq!((content(&response), &response.error), (vec![Bytes::from("all sold\n")], &None));
        let trailers = response.trailers.unwrap();
        assert_eq!((&trailers["grpc-status"], trailers.len()), (&"0".parse().unwrap(), 1));
        let Detail::ObjectRead { object, .. } = response.detail else { panic!("no object read") };
        assert_eq!(object, "gs://reports/2026/11/24.txt");
    }
    let event = fixture.state.events.all().pop().unwrap();
    let Detail::ObjectRead { principal, .. } = event.detail else { panic!("no object read") };
    assert!(principal.starts_with("principal://iam.googleapis.com/"), "{principal}");
    assert_eq!((event.operation, event.nth, event.status), (Operation::ReadObject, 2, 200));
}

#[tokio::test]
async fn large_object_is_split_into_messages() {
    let mut config = config();
    config.google.buckets[0].objects[0].content = "x".repeat(MAX_MESSAGE_BYTES + 1);
    let name = config.google.buckets[0].objects[0].name.clone();
    let fixture = Fixture::with(&config);
    let token = impersonated(&fixture).await;
    let response = fixture.call(Service::Storage, read_request(BUCKET, &name, &token)).await;
    let lengths: Vec<_> = content(&response).iter().map(Bytes::len).collect();
    assert_eq!(lengths, [MAX_MESSAGE_BYTES, 1]);
}

#[tokio::test]
async fn read_object_rejects_invalid_requests() {
    let fixture = Fixture::new();
    let token = impersonated(&fixture).await;
    let parameters = "An x-goog-request-params request metadata property must be provided for this request.";
    let changed = |change: fn(&mut Request)| {
        let mut request = read_request(BUCKET, OBJECT, &token);
        change(&mut request);
        request
    };
    for (request, status, code, message) in [
        (read_request(BUCKET, "50%/é", &token), "5", "NOT_FOUND", "No such object: reports/50%/é"),
        (
            read_request("projects/_/buckets/absent", OBJECT, &token),
            "5",
            "NOT_FOUND",
            "The specified bucket does not exist.",
        ),
        (
            read_request("reports", OBJECT, &token),
            "3",
            "INVALID_ARGUMENT",
            "The bucket `reports` is not projects/_/buckets/BUCKET.",
        ),
        (
            changed(|request| drop(request.headers_mut().remove("x-goog-request-params"))),
            "3",
            "INVALID_ARGUMENT",
            parameters,
        ),
        (
            changed(|request| *request.body_mut() = request.body().slice(..7)),
            "3",
            "INVALID_ARGUMENT",
            "Failed to parse the request.",
        ),
    ] {
        let response = fixture.call(Service::Storage, request).await;
        let encoded = message.replace('%', "%25").replace('é', "%C3%A9");
        assert_eq!(grpc_error(&response), (status, &*encoded, &*format!("{code}: {message}")));
    }
}

#[tokio::test]
async fn read_object_rejects_unauthorized_callers() {
    let fixture = Fixture::new();
    let response = fixture.call(Service::Storage, read_request(BUCKET, OBJECT, "ya29.d.forged")).await;
    let (status, message, _) = grpc_error(&response);
    assert_eq!(status, "16");
    assert!(message.starts_with("Request had invalid authentication credentials."), "{message}");
    let mut config = config();
    config.google.buckets[0].bindings.clear();
    let closed = Fixture::with(&config);
    let token = impersonated(&closed).await;
    let response = closed.call(Service::Storage, read_request(BUCKET, OBJECT, &token)).await;
    let message = format!(
        "{ACCOUNT} does not have storage.objects.get access to the Google Cloud Storage object. Permission \
         'storage.objects.get' denied on resource (or it may not exist)."
    );
    assert_eq!(
        grpc_error(&response),
        ("7", message.as_str(), format!("PERMISSION_DENIED: {message}").as_str())
    );
}

#[tokio::test]
async fn faults_are_grpc_statuses() {
    let fixture = Fixture::new();
    for (fault, status) in
        [(Fault::Expired, "16"), (Fault::Denied, "7"), (Fault::Throttled, "8"), (Fault::InternalError, "13")]
    {
        fixture.state.faults.inject(Operation::ReadObject, Calls::All, fault);
        let response = fixture.call(Service::Storage, read_request(BUCKET, OBJECT, "unread")).await;
        assert_eq!(grpc_error(&response).0, status);
    }
}

#[tokio::test]
async fn other_methods_return_404() {
    let fixture = Fixture::new();
    let cases: [fn(&mut Request); 3] = [
        |request| *request.method_mut() = http::Method::PUT,
        |request| *request.uri_mut() = "/google.storage.v2.Storage/BidiReadObject".parse().unwrap(),
        |request| drop(request.headers_mut().remove("content-type")),
    ];
    for change in cases {
        let mut request = read_request(BUCKET, OBJECT, "unread");
        change(&mut request);
        // gRPC libraries report this as UNIMPLEMENTED.
        assert_eq!(fixture.call(Service::Storage, request).await.status, 404);
    }
}
