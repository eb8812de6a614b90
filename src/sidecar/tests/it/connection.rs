//! The real client over TLS, with a company's roots, through a proxy, and with everything that breaks on the way.

use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;
use rolebridge_core::aws::DENY_ALL_SESSION_POLICY;
use rolebridge_core::env::sidecar as names;
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::fault::Reason;
use rstest::rstest;
use tokio::net::TcpListener;

use crate::stand_in::{Answer, Proxy, StandIn};
use crate::support::{Environment, PROJECTED_TOKEN, ROLE, SECRET_KEY};

fn trusting(aws: &StandIn) -> Environment {
    let mut environment = Environment::new(&format!("https://{}", aws.address));
    environment.trust(names::AWS_CA_BUNDLE, &aws.ca);
    environment
}

#[tokio::test]
async fn it_asks_for_a_session_that_may_do_nothing() {
    let aws = StandIn::tls(Answer::good()).await;
    let session = trusting(&aws).ask().await.unwrap();
    assert_eq!(session.credentials.secret_access_key(), SECRET_KEY);
    let left = session.life.expires.duration_since(session.life.obtained).unwrap();
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
    assert!(head.contains("app/rolebridge"), "AWS's logs name us: {head}");
}

#[rstest]
#[case(names::AWS_CA_BUNDLE)]
#[case(names::SSL_CERT_FILE)]
#[tokio::test]
async fn a_company_s_roots_are_added(#[case] variable: &'static str) {
    let aws = StandIn::tls(Answer::good()).await;
    let mut environment = Environment::new(&format!("https://localhost:{}", aws.address.port()));
    let fault = environment.ask().await.unwrap_err();
    assert_eq!((fault.reason(), fault.is_lasting()), (Reason::Untrusted, true), "{fault}");
    assert_eq!(aws.asked(), 0, "the token does not leave for a server that is not trusted");
    environment.trust(variable, &aws.ca);
    environment.ask().await.unwrap();
}

#[tokio::test]
async fn a_bundle_may_hold_what_is_no_root() {
    let aws = StandIn::tls(Answer::good()).await;
    let mut environment = trusting(&aws);
    let odd = "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n";
    environment.trust(names::AWS_CA_BUNDLE, &format!("a comment\n{odd}{}{odd}", aws.ca));
    environment.ask().await.unwrap();
}

#[rstest]
#[case::upper(names::HTTPS_PROXY)]
#[case::lower("https_proxy")]
#[tokio::test]
async fn it_goes_through_the_proxy(#[case] variable: &'static str) {
    let (aws, proxy) = (StandIn::tls(Answer::good()).await, Proxy::start(None).await);
    let mut environment = trusting(&aws);
    environment.set(variable, format!("http://user:pass@{}", proxy.address));
    environment.ask().await.unwrap();
    let request = proxy.requests.lock().unwrap().pop().unwrap();
    assert!(request.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", aws.address)), "{request}");
    assert!(request.to_ascii_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz"), "{request}");
    assert_eq!(aws.asked(), 1);
}

#[rstest]
#[case::address(names::NO_PROXY, "127.0.0.1")]
#[case::network("no_proxy", "example.com, 127.0.0.0/8")]
#[case::everything(names::NO_PROXY, "*")]
#[tokio::test]
async fn unless_it_is_told_not_to(#[case] variable: &'static str, #[case] hosts: &str) {
    let (aws, proxy) = (StandIn::tls(Answer::good()).await, Proxy::start(None).await);
    let mut environment = trusting(&aws);
    environment.set(names::HTTPS_PROXY, format!("http://{}", proxy.address));
    environment.set(variable, hosts);
    environment.ask().await.unwrap();
    assert_eq!(proxy.requests.lock().unwrap().len(), 0);
}

#[rstest]
#[case::wants_a_password(407)]
#[case::forbids(403)]
#[tokio::test]
async fn a_proxy_that_refuses_is_said(#[case] status: u16) {
    let (aws, proxy) = (StandIn::tls(Answer::good()).await, Proxy::start(Some(status)).await);
    let mut environment = trusting(&aws);
    environment.set(names::HTTPS_PROXY, format!("http://user:hush@{}", proxy.address));
    let fault = environment.ask().await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Proxy, "{fault}");
    assert!(!fault.to_string().contains("hush"));
}

#[tokio::test]
async fn another_name_is_not_trusted() {
    let aws = StandIn::of_another_name(Answer::good()).await;
    let fault = trusting(&aws).ask().await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Untrusted, "{fault}");
}

#[tokio::test]
async fn a_certificate_of_another_time_points_at_the_clock() {
    let aws = StandIn::expired(Answer::good()).await;
    let fault = trusting(&aws).ask().await.unwrap_err();
    assert_eq!(fault.reason(), Reason::CertificateDate, "{fault}");
}

#[tokio::test]
async fn a_server_without_tls_is_said() {
    let aws = StandIn::plain(Answer::good()).await;
    let fault = Environment::new(&format!("https://{}", aws.address)).ask().await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Tls, "{fault}");
    assert_eq!(aws.asked(), 0);
}

#[tokio::test]
async fn a_host_without_an_address_is_said() {
    let fault = Environment::new("https://sts.nowhere.invalid").ask().await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Dns, "{fault}");
    assert!(fault.to_string().contains("sts.nowhere.invalid"), "{fault}");
}

#[tokio::test]
async fn a_closed_port_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let fault = Environment::new(&format!("https://{address}")).ask().await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Connect, "{fault}");
    assert!(fault.to_string().contains("Connection refused"), "{fault}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let fault = Environment::new(&format!("http://{address}")).ask().await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Connect, "{fault}");
}

/// Paused time runs ahead while nothing else happens, so this waits for no real second.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment = Environment::new(&format!("http://{}", listener.local_addr().unwrap()));
    let fault = environment.ask().await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Timeout, "{fault}");
}

#[rstest]
#[case::given(true)]
#[case::refused(false)]
#[tokio::test]
async fn aws_s_clock_is_read_from_every_answer(#[case] given: bool) {
    let tomorrow = SystemTime::now() + Duration::from_hours(24);
    let answer = if given {
        Answer::good_at(tomorrow)
    } else {
        Answer { date: tomorrow, ..Answer::refusal(403, include_str!("aws-errors/access-denied.xml")) }
    };
    let aws = StandIn::tls(answer).await;
    let clock = Clock::system();
    let answer = trusting(&aws).prove(clock.clone()).await;
    assert_eq!(answer.is_ok(), given);
    assert!((86_000..=86_400).contains(&clock.offset()), "{}", clock.offset());
    if let Ok(proof) = answer {
        let left = proof.life().expires.duration_since(proof.life().obtained).unwrap();
        let hour = Duration::from_hours(1);
        // Whatever the machine was slow at lies between the two.
        assert!(left <= hour + Duration::from_mins(1), "by AWS's clock, not by ours: {left:?}");
    }
}
