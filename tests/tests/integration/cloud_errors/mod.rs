//! The error texts of the real clouds in `texts.yaml`: the fakes raise each one, the sidecar classifies it, and the book
//! explains it.

use std::path::Path;

use axum::Router;
use axum::http::StatusCode;
use json_patch::Patch;
use rolebridge_core::diagnostics::{DOCTOR_ARGS, StepResult, StepStatus};
use rolebridge_core::env::sidecar as names;
use rolebridge_fake_clouds::Clouds;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::doctor::{Case, config, run_doctor};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    text: String,
    reason: Option<String>,
    case: Option<Case>,
    creation: Option<Patch>,
    answer: Option<Answer>,
}

/// A response of Google.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: u16,
    body: Value,
    #[serde(default)]
    from: Service,
    fake: Option<String>,
    why: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Service {
    #[default]
    GoogleSts,
    IamCredentials,
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_raised_by_the_fakes_classified_and_explained() {
    let rows: Vec<Row> = serde_saphyr::from_str(include_str!("texts.yaml")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../docs/src/troubleshooting.md")).unwrap();
    let mut problems = Vec::new();
    for row in rows {
        let text = row.text;
        if !page.contains(&text) {
            problems.push(format!("troubleshooting.md lacks {text:?}"));
        }
        match (row.case, row.creation, row.answer) {
            (Some(case), None, None) => problems.extend(reported(&case, &text, row.reason.as_deref()).await),
            (None, Some(change), None) => problems.extend(refused(change, &text).await),
            (None, None, Some(answer)) => {
                let fakes = root.join("fake-clouds/src");
                let lacks =
                    |file: &String| !std::fs::read_to_string(fakes.join(file)).unwrap().contains(&text);
                if answer.fake.as_ref().is_some_and(lacks) || answer.why.is_empty() {
                    problems.push(format!("the fakes lack {text:?}"));
                }
                let case = answered(answer).await;
                problems.extend(reported(&case, &text, row.reason.as_deref()).await);
            }
            _ => panic!("{text}: expected one of case, creation and answer"),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Returns a problem unless the doctor of a case reports the text with the reason and a fix.
async fn reported(case: &Case, text: &str, reason: Option<&str>) -> Option<String> {
    let (report, _) = run_doctor(case, DOCTOR_ARGS).await;
    let mut steps = report.lines().map(|line| serde_json::from_str::<StepResult>(line).unwrap());
    let failed = steps.find(|step| step.status == StepStatus::Failed);
    let is_expected = failed.is_some_and(|step| {
        step.message.contains(text) && step.reason.as_deref() == reason && step.remediation.is_some()
    });
    (!is_expected).then(|| format!("expected {text:?} with the reason {reason:?}, found\n{report}"))
}

/// Returns a problem unless the clouds refuse a changed configuration with the text.
async fn refused(change: Patch, text: &str) -> Option<String> {
    let mut case: Case = serde_saphyr::from_str("{}").unwrap();
    case.change = change;
    let error = Clouds::start(config(&case)).await.err().map(|error| error.to_string());
    let is_expected = error.as_ref().is_some_and(|error| error.contains(text));
    (!is_expected).then(|| format!("expected {text:?}, found {error:?}"))
}

/// Returns a case in which a service answers every request like this.
async fn answered(answer: Answer) -> Case {
    let Answer { status, body, from, .. } = answer;
    let status = StatusCode::from_u16(status).unwrap();
    let router = Router::new().fallback(move || std::future::ready((status, axum::Json(body.clone()))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut case: Case = serde_saphyr::from_str("{}").unwrap();
    let variable = match from {
        Service::GoogleSts => names::STS_ENDPOINT,
        Service::IamCredentials => names::IAM_CREDENTIALS_ENDPOINT,
    };
    case.env.insert(variable.to_owned(), url);
    case
}
