//! The error texts of the real clouds in `texts.yaml`: a fake returns each one, the sidecar classifies it, and the book
//! explains it.

mod row;

use std::path::Path;

use axum::Router;
use axum::http::StatusCode;
use json_patch::Patch;
use rolebridge_core::diagnostics::{StepResult, StepStatus};
use rolebridge_core::env::sidecar as names;
use rolebridge_fake_clouds::Clouds;
use serde_json::Value;
use tokio::net::TcpListener;

use self::row::{Answer, How, NoFake, Row, Service};
use crate::doctor::{Case, clouds, config, run_doctor_on};

fn rows() -> Vec<Row> {
    serde_saphyr::from_str(include_str!("texts.yaml")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_returned_by_its_fake_classified_and_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../docs/src/troubleshooting.md")).unwrap();
    let mut problems = Vec::new();
    for row in rows() {
        let text = &row.text;
        if !page.contains(text) {
            problems.push(format!("troubleshooting.md lacks {text:?}"));
        }
        match row.how() {
            How::Case(case, fake) => {
                let clouds = clouds(case).await;
                problems.extend(reported(&clouds, case, &row).await);
                problems.extend(not_returned(&clouds, fake, text));
            }
            How::Creation(change) => problems.extend(refused(change, text).await),
            How::SubjectToken(token, fake) => {
                let clouds = clouds(&Case::default()).await;
                let answer = exchange(&clouds, token).await;
                problems.extend(not_returned(&clouds, fake, text));
                problems.extend(reported(&clouds, &answered(answer).await, &row).await);
            }
            How::Answer(answer, _) => {
                let case = answered(answer.clone()).await;
                problems.extend(reported(&clouds(&case).await, &case, &row).await);
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// A row with neither a fake nor a reason of the list is refused, and an older text names the one that a fake returns today.
#[test]
fn text_without_a_fake_has_a_reason() {
    let rows = rows();
    for row in &rows {
        let How::Answer(_, NoFake::Superseded { by }) = row.how() else { continue };
        let is_current = |other: &Row| other.text == *by && !matches!(other.how(), How::Answer(..));
        assert!(rows.iter().any(is_current), "{}: expected a row with a fake, found {by:?}", row.text);
    }
}

/// Returns a problem unless a fake's operation returned the text.
fn not_returned(clouds: &Clouds, fake: &str, text: &str) -> Option<String> {
    let events = clouds.events();
    let mut errors = events.iter().filter(|event| format!("{:?}", event.operation) == *fake);
    let is_returned = errors.any(|event| event.error.as_ref().is_some_and(|error| error.contains(text)));
    (!is_returned).then(|| format!("the fake of {fake} does not return {text:?}: {events:#?}"))
}

/// Returns a problem unless the doctor of a case reports the text with the reason and a fix.
async fn reported(clouds: &Clouds, case: &Case, row: &Row) -> Option<String> {
    let Row { text, reason, .. } = row;
    let (report, _) = run_doctor_on(clouds, case, &case.arguments()).await;
    let mut steps = report.lines().map(|line| serde_json::from_str::<StepResult>(line).unwrap());
    let failed = steps.find(|step| step.status == StepStatus::Failed);
    let is_expected = failed.is_some_and(|step| {
        step.message.contains(text) && step.reason == *reason && step.remediation.is_some()
    });
    (!is_expected).then(|| format!("expected {text:?} with the reason {reason:?}, found\n{report}"))
}

/// Returns a problem unless the clouds refuse a changed configuration with the text.
async fn refused(change: &Patch, text: &str) -> Option<String> {
    let mut case = Case::default();
    case.change = change.clone();
    let error = Clouds::start(config(&case)).await.err().map(|error| error.to_string());
    let is_expected = error.as_ref().is_some_and(|error| error.contains(text));
    (!is_expected).then(|| format!("expected {text:?}, found {error:?}"))
}

/// Exchanges a subject token at the fake Google STS, and returns its response.
async fn exchange(clouds: &Clouds, subject_token: &str) -> Answer {
    let root = reqwest::Certificate::from_pem(clouds.ca_pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
    let google = &config(&Case::default()).google;
    let audience = format!("//iam.googleapis.com/{}", google.providers[0].name);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token_type", "urn:ietf:params:aws:token-type:aws4_request"),
        ("scope", "https://www.googleapis.com/auth/cloud-platform"),
        ("audience", &audience),
        ("subject_token", subject_token),
    ];
    let url = format!("{}/v1/token", clouds.google_sts());
    let response = client.post(url).form(&form).send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    Answer { status, body, from: Service::GoogleSts }
}

/// Returns a case in which a service answers every request like this.
async fn answered(answer: Answer) -> Case {
    let Answer { status, body, from } = answer;
    let status = StatusCode::from_u16(status).unwrap();
    let router = Router::new().fallback(move || std::future::ready((status, axum::Json(body.clone()))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let variable = match from {
        Service::GoogleSts => names::STS_ENDPOINT,
        Service::IamCredentials => names::IAM_CREDENTIALS_ENDPOINT,
    };
    let mut case = Case::default();
    case.env.insert(variable.to_owned(), url);
    case
}
