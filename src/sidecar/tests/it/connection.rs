//! The real client with TLS, CA bundles and a proxy, and its connection errors.

use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;
use rolebridge_core::aws::DENY_ALL_SESSION_POLICY;
use rolebridge_core::env::sidecar as names;
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::error::ErrorKind;
use rstest::rstest;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::fake_server::{CannedResponse, FakeServer, Proxy};
use crate::support::{Environment, PROJECTED_TOKEN, ROLE, SECRET_KEY};

fn trusting(aws: &FakeServer) -> Environment {
    let mut environment = Environment::new(&format!("https://{}", aws.address));
    environment.trust(names::AWS_CA_BUNDLE, &aws.ca);
    environment
}

#[tokio::test]
async fn assume_role_requests_a_session_without_permissions() {
    let aws = FakeServer::tls(CannedResponse::success()).await;
    let session = trusting(&aws).request_session().await.unwrap();
    assert_eq!(session.credentials.secret_access_key(), SECRET_KEY);
    let left = session.lifetime.expires.duration_since(session.lifetime.obtained).unwrap();
    assert!(left > Duration::from_mins(59), "{left:?}");
    let request = aws.requests.lock().unwrap().pop().unwrap();
    let (head, form) = request.split_once("\r\n\r\n").unwrap();
    let field = |name: &str| {
        let value = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap();
        percent_decode_str(&value.replace('+', " ")).decode_utf8().unwrap().into_owned()
    };
    assert_eq!(field("Action"), "AssumeRoleWithWebIdentity");
    assert_eq!(field("RoleArn"), ROLE);
    assert_eq!(field("RoleSessionName"), "shop.nightly");
    assert_eq!(field("WebIdentityToken"), PROJECTED_TOKEN);
    assert_eq!(field("Policy"), DENY_ALL_SESSION_POLICY);
    assert_eq!(field("DurationSeconds"), "3600");
    assert!(!head.to_ascii_lowercase().contains("authorization:"), "the call is not signed");
    assert!(head.contains("app/rolebridge"), "the user agent names the application: {head}");
}

#[rstest]
#[case(names::AWS_CA_BUNDLE)]
#[case(names::SSL_CERT_FILE)]
#[tokio::test]
async fn ca_bundle_is_added_to_the_roots(#[case] variable: &'static str) {
    let aws = FakeServer::tls(CannedResponse::success()).await;
    let mut environment = Environment::new(&format!("https://localhost:{}", aws.address.port()));
    let error = environment.request_session().await.unwrap_err();
    assert_eq!((error.kind(), error.is_permanent()), (ErrorKind::Untrusted, true), "{error}");
    assert_eq!(aws.request_count(), 0, "the token is not sent to an untrusted server");
    environment.trust(variable, &aws.ca);
    environment.request_session().await.unwrap();
}

#[tokio::test]
async fn ca_bundle_may_contain_invalid_certificates() {
    let aws = FakeServer::tls(CannedResponse::success()).await;
    let mut environment = trusting(&aws);
    let invalid = "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n";
    environment.trust(names::AWS_CA_BUNDLE, &format!("a comment\n{invalid}{}{invalid}", aws.ca));
    environment.request_session().await.unwrap();
}

#[rstest]
#[case::upper(names::HTTPS_PROXY)]
#[case::lower("https_proxy")]
#[tokio::test]
async fn proxy_is_used(#[case] variable: &'static str) {
    let (aws, proxy) = (FakeServer::tls(CannedResponse::success()).await, Proxy::start(None).await);
    let mut environment = trusting(&aws);
    environment.set(variable, format!("http://user:pass@{}", proxy.address));
    environment.request_session().await.unwrap();
    let request = proxy.requests.lock().unwrap().pop().unwrap();
    assert!(request.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", aws.address)), "{request}");
    assert!(request.to_ascii_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz"), "{request}");
    assert_eq!(aws.request_count(), 1);
}

#[rstest]
#[case::address(names::NO_PROXY, "127.0.0.1")]
#[case::network("no_proxy", "example.com, 127.0.0.0/8")]
#[case::everything(names::NO_PROXY, "*")]
#[tokio::test]
async fn no_proxy_bypasses_the_proxy(#[case] variable: &'static str, #[case] hosts: &str) {
    let (aws, proxy) = (FakeServer::tls(CannedResponse::success()).await, Proxy::start(None).await);
    let mut environment = trusting(&aws);
    environment.set(names::HTTPS_PROXY, format!("http://{}", proxy.address));
    environment.set(variable, hosts);
    environment.request_session().await.unwrap();
    assert_eq!(proxy.requests.lock().unwrap().len(), 0);
}

#[rstest]
#[case::requires_a_password(407)]
#[case::forbidden(403)]
#[tokio::test]
async fn rejection_by_the_proxy_is_reported(#[case] status: u16) {
    let (aws, proxy) = (FakeServer::tls(CannedResponse::success()).await, Proxy::start(Some(status)).await);
    let mut environment = trusting(&aws);
    environment.set(names::HTTPS_PROXY, format!("http://user:hush@{}", proxy.address));
    let error = environment.request_session().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Proxy, "{error}");
    assert!(!error.to_string().contains("hush"));
}

#[tokio::test]
async fn certificate_for_another_name_is_untrusted() {
    let aws = FakeServer::with_wrong_name(CannedResponse::success()).await;
    let error = trusting(&aws).request_session().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
}

#[tokio::test]
async fn expired_certificate_is_reported_with_its_date() {
    let aws = FakeServer::expired(CannedResponse::success()).await;
    let error = trusting(&aws).request_session().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CertificateDate, "{error}");
}

#[tokio::test]
async fn server_without_tls_is_reported() {
    let aws = FakeServer::plain(CannedResponse::success()).await;
    let error = Environment::new(&format!("https://{}", aws.address)).request_session().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert_eq!(aws.request_count(), 0);
}

#[tokio::test]
async fn unresolvable_host_is_reported() {
    let error = Environment::new("https://sts.nowhere.invalid").request_session().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dns, "{error}");
    assert!(error.to_string().contains("sts.nowhere.invalid"), "{error}");
}

#[tokio::test]
async fn closed_port_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = Environment::new(&format!("https://{address}")).request_session().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

#[tokio::test]
async fn closed_connection_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let error = Environment::new(&format!("http://{address}")).request_session().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
}

#[tokio::test]
async fn response_over_the_size_limit_is_unexpected() {
    for status in [200, 403] {
        let aws = FakeServer::plain(CannedResponse::error(status, &" ".repeat(64 * 1024 + 1))).await;
        let error = Environment::new(&format!("http://{}", aws.address)).request_session().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
        assert!(error.to_string().contains("length limit exceeded"), "{error}");
    }
}

/// Paused time advances while the runtime is idle, so this test does not wait.
#[tokio::test(start_paused = true)]
async fn request_without_a_response_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment = Environment::new(&format!("http://{}", listener.local_addr().unwrap()));
    let error = environment.request_session().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

/// The connector's read timeout ends with the first byte of the response, so only the call's deadline remains.
#[tokio::test(start_paused = true)]
async fn slow_response_times_out_at_the_call_deadline() {
    let environment = Environment::new(&format!("http://{}", FakeServer::slow_body().await));
    let start = Instant::now();
    let error = environment.request_session().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(start.elapsed().as_secs(), 15);
}

#[rstest]
#[case::success(true)]
#[case::error(false)]
#[tokio::test]
async fn clock_is_corrected_by_every_response(#[case] success: bool) {
    let tomorrow = SystemTime::now() + Duration::from_hours(24);
    let response = if success {
        CannedResponse::success_at(tomorrow)
    } else {
        CannedResponse {
            date: tomorrow,
            ..CannedResponse::error(403, include_str!("aws-errors/access-denied.xml"))
        }
    };
    let aws = FakeServer::tls(response).await;
    let clock = Clock::system();
    let result = trusting(&aws).provide(clock.clone()).await;
    assert_eq!(result.is_ok(), success);
    assert!((86_000..=86_400).contains(&clock.offset()), "{}", clock.offset());
    if let Ok(credential) = result {
        let left = credential.lifetime().expires.duration_since(credential.lifetime().obtained).unwrap();
        let hour = Duration::from_hours(1);
        // The difference is the duration of the request.
        assert!(left <= hour + Duration::from_mins(1), "by AWS's clock, not by the local one: {left:?}");
    }
}
