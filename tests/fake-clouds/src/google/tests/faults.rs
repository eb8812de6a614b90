//! Injected faults and the event log.

use serde_json::json;

use super::*;
use crate::faults::{Calls, Fault};
use crate::operation::Operation;
use crate::service::Service;
use crate::testing::*;

#[tokio::test]
async fn faults_are_errors_of_each_service() {
    let fixture = Fixture::new();
    let token = impersonated(&fixture).await;
    let faults = [Fault::Expired, Fault::Denied, Fault::Throttled, Fault::InternalError];
    let call = async |operation| match operation {
        Operation::AssumeRoleWithWebIdentity => fixture.assume(&[]).await,
        Operation::ExchangeToken => fixture.call(Service::GoogleSts, exchange_request("unread", &[])).await,
        Operation::GenerateAccessToken => {
            fixture.impersonate(ACCOUNT, &token, &json!({"scope": [SCOPE]})).await
        }
        Operation::Query => post(&fixture, QUERIES, &token, &json!({})).await,
        Operation::GetObject => get(&fixture, Service::Storage, "/storage/v1/b/reports/o/x", &token).await,
        other => panic!("{other:?}"),
    };
    for (operation, expected) in [
        (
            Operation::AssumeRoleWithWebIdentity,
            [
                (400, "ExpiredTokenException"),
                (403, "AccessDenied"),
                (400, "Throttling"),
                (500, "InternalFailure"),
            ],
        ),
        (
            Operation::ExchangeToken,
            [
                (400, "invalid_grant"),
                (400, "unauthorized_client"),
                (429, "quota_exceeded"),
                (500, "internal_failure"),
            ],
        ),
        (
            Operation::GenerateAccessToken,
            [
                (401, "UNAUTHENTICATED"),
                (403, "PERMISSION_DENIED"),
                (429, "RESOURCE_EXHAUSTED"),
                (500, "INTERNAL"),
            ],
        ),
        (
            Operation::Query,
            [
                (401, "UNAUTHENTICATED"),
                (403, "PERMISSION_DENIED"),
                (429, "RESOURCE_EXHAUSTED"),
                (500, "INTERNAL"),
            ],
        ),
        (
            Operation::GetObject,
            [
                (401, "UNAUTHENTICATED"),
                (403, "PERMISSION_DENIED"),
                (429, "RESOURCE_EXHAUSTED"),
                (500, "INTERNAL"),
            ],
        ),
    ] {
        for (fault, (status, code)) in faults.iter().zip(expected) {
            fixture.state.faults.inject(operation, Calls::All, fault.clone());
            let response = call(operation).await;
            let found = error_message(&response).split_once(':').unwrap().0;
            assert_eq!((response.status.as_u16(), found), (status, code), "{operation:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn faults_of_aws_are_errors_of_google() {
    let fixture = Fixture::new();
    for (fault, error) in [
        (
            Fault::Throttled,
            "Received invalid AWS response of type Throttling with error message: Rate exceeded",
        ),
        (
            Fault::ConnectionReset,
            "Received invalid AWS response of type Unavailable with error message: the connection was closed",
        ),
        (
            Fault::ClockSkew(3600),
            "Received invalid AWS response of type SignatureDoesNotMatch with error message: Signature expired: 20261124T080000Z is now earlier than 20261124T084500Z (20261124T090000Z - 15 min.)",
        ),
    ] {
        fixture.state.faults.inject(Operation::GetCallerIdentity, Calls::All, fault);
        assert_eq!(error_message(&fixture.exchange(&[]).await), format!("invalid_grant: {error}"));
    }
    fixture.state.faults.clear();
    assert_eq!(fixture.exchange(&[]).await.error, None);
}

#[tokio::test]
async fn events_and_debug_contain_no_secret() {
    let fixture = Fixture::new();
    let session = fixture.session(&[]).await;
    let account = impersonated(&fixture).await;
    let log = serde_json::to_string(&fixture.state.events.all()).unwrap();
    let state = format!("{:?}", fixture.state);
    for secret in [&session.secret, &session.token, &account] {
        assert!(!log.contains(secret.as_str()) && !state.contains(secret.as_str()));
    }
}
