//! What the sidecar counts, in Prometheus' text format. Labels are closed sets, and nothing here is a secret: the
//! port is reachable from outside the pod.

use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use crate::board::{Board, Reader};
use crate::clock::Clock;
use crate::fault::{Fault, Hop, Reason};
use crate::state::unix_seconds;

const PREFIX: &str = "rolebridge_sidecar_";

/// A token of Google's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenClass {
    /// An access token that an app gets.
    Access,
    /// The federated token behind a service account's.
    Federated,
    /// An ID token.
    Id,
}

impl TokenClass {
    const ALL: [Self; 3] = [Self::Access, Self::Federated, Self::Id];

    /// As metrics and logs name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Federated => "federated",
            Self::Id => "id",
        }
    }
}

/// What a request to the local server asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// A session token.
    SessionToken,
    /// The region.
    Region,
    /// The role's name.
    Role,
    /// The credentials.
    Credentials,
    /// The subject token.
    SubjectToken,
    /// An access token of Google's.
    AccessToken,
    /// An ID token of Google's.
    IdToken,
    /// Other metadata of a GCE instance.
    Metadata,
    /// Something that is not here.
    Other,
}

const QUESTIONS: [(Question, &str); 9] = [
    (Question::SessionToken, "session-token"),
    (Question::Region, "region"),
    (Question::Role, "role"),
    (Question::Credentials, "credentials"),
    (Question::SubjectToken, "subject-token"),
    (Question::AccessToken, "access-token"),
    (Question::IdToken, "id-token"),
    (Question::Metadata, "metadata"),
    (Question::Other, "other"),
];
const ANSWERS: [&str; 3] = ["answered", "refused", "unavailable"];

/// The counters.
#[derive(Debug, Default)]
pub struct Metrics {
    renewed: AtomicU64,
    signed: AtomicU64,
    faults: PerReason,
    made: [AtomicU64; TokenClass::ALL.len()],
    not_made: [PerReason; TokenClass::ALL.len()],
    /// Of Google's tokens, those that could not be had the last time.
    lacking: AtomicU64,
    loopback: [[AtomicU64; ANSWERS.len()]; QUESTIONS.len()],
}

/// A counter for each reason.
#[derive(Debug)]
struct PerReason([AtomicU64; Reason::ALL.len()]);

impl Default for PerReason {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::default()))
    }
}

impl PerReason {
    fn count(&self, fault: &Fault) {
        one_more(&self.0[fault.reason() as usize]);
    }

    fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Reason::ALL.iter().copied().zip(counts)
    }
}

fn one_more(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A token of Google's that cannot be had. See [`Metrics::faulty`].
#[derive(Debug)]
pub struct Faulty(Arc<Metrics>);

impl Drop for Faulty {
    fn drop(&mut self) {
        self.0.lacking.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// A session or a JSON web token came.
    pub fn renewed(&self) {
        one_more(&self.renewed);
    }

    /// A token was signed and published.
    pub fn signed(&self) {
        one_more(&self.signed);
    }

    /// A refresh failed.
    pub fn failed(&self, fault: &Fault) {
        self.faults.count(fault);
    }

    /// A token came from Google.
    pub fn made(&self, class: TokenClass) {
        one_more(&self.made[class as usize]);
    }

    /// A token did not come from Google.
    pub fn not_made(&self, class: TokenClass, fault: &Fault) {
        self.not_made[class as usize].count(fault);
    }

    /// A token of Google's that is wanted cannot be had, for as long as the answer lives.
    #[must_use]
    pub fn faulty(self: &Arc<Self>) -> Faulty {
        one_more(&self.lacking);
        Faulty(Arc::clone(self))
    }

    /// A request to the local server was answered.
    pub fn answered(&self, question: Question, status: StatusCode) {
        let answer = match status {
            StatusCode::SERVICE_UNAVAILABLE => 2,
            status if status.is_success() => 0,
            _ => 1,
        };
        one_more(&self.loopback[question as usize][answer]);
    }

    /// All of them as text. `board` and `clock` say the rest.
    #[must_use]
    pub fn render(&self, board: &Board, clock: &Clock) -> String {
        let mut text = String::with_capacity(6 * 1024);
        let refreshes =
            "Calls for a session or token (renew) and publications (sign), by outcome and reason.";
        family(&mut text, "refreshes_total", "counter", refreshes, self.refreshes());
        let tokens = "Tokens asked of Google, by outcome and reason. A fault is listed once it has happened.";
        family(&mut text, "google_tokens_total", "counter", tokens, self.google_tokens());
        let requests = "Requests to the server on 127.0.0.1, by what was asked for.";
        family(&mut text, "loopback_requests_total", "counter", requests, self.loopback_requests());
        let lacks = self.lacking.load(Ordering::Relaxed) > 0;
        for (name, help, value) in gauges(board, lacks, clock) {
            family(&mut text, name, "gauge", help, value.map(|value| (String::new(), value)));
        }
        text
    }

    fn refreshes(&self) -> impl Iterator<Item = (String, u64)> {
        let good = [("renew", &self.renewed), ("sign", &self.signed)];
        let good = good.map(|(step, count)| {
            (format!("{{step=\"{step}\",outcome=\"ok\",reason=\"\"}}"), count.load(Ordering::Relaxed))
        });
        let faults = self.faults.iter().map(|(reason, count)| {
            let step = if reason.hop() == Hop::Publication { "sign" } else { "renew" };
            (format!("{{step=\"{step}\",outcome=\"fault\",reason=\"{reason}\"}}"), count)
        });
        good.into_iter().chain(faults)
    }

    fn google_tokens(&self) -> impl Iterator<Item = (String, u64)> {
        TokenClass::ALL.iter().zip(&self.made).zip(&self.not_made).flat_map(|((class, made), not_made)| {
            let labels = move |outcome, reason| {
                format!("{{token=\"{}\",outcome=\"{outcome}\",reason=\"{reason}\"}}", class.name())
            };
            let faults = not_made.iter().filter(|(_, count)| *count > 0);
            let faults = faults.map(move |(reason, count)| (labels("fault", reason.code()), count));
            std::iter::once((labels("ok", ""), made.load(Ordering::Relaxed))).chain(faults)
        })
    }

    fn loopback_requests(&self) -> impl Iterator<Item = (String, u64)> {
        QUESTIONS.iter().zip(&self.loopback).flat_map(|((_, question), answers)| {
            ANSWERS.iter().zip(answers).map(move |(answer, count)| {
                let labels = format!("{{question=\"{question}\",answer=\"{answer}\"}}");
                (labels, count.load(Ordering::Relaxed))
            })
        })
    }
}

/// Name, help and value; `None`: there is none yet.
fn gauges(board: &Board, lacks: bool, clock: &Clock) -> [(&'static str, &'static str, Option<i64>); 4] {
    let age = |at: SystemTime| clock.now().duration_since(at).unwrap_or_default().as_secs();
    let signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    let token_age = board.token.as_ref().map(|token| signed(age(token.at)));
    let session = board.session.as_ref().map(|session| session.life.expires);
    let expires = session.or_else(|| board.token.as_ref().map(|token| token.good_until));
    let expires = expires.map(|at| signed(unix_seconds(at)));
    let faulty = i64::from(lacks || board.fault.is_some());
    [
        ("token_age_seconds", "Since the published token was signed.", token_age),
        (
            "credentials_expiry_timestamp_seconds",
            "When the AWS session or the JSON web token ends, by AWS's clock.",
            expires,
        ),
        (
            "clock_offset_seconds",
            "What AWS's clock is ahead of the node's, if it is corrected for.",
            Some(clock.offset()),
        ),
        (
            "faulty",
            "Whether the last refresh failed, or the last call for a token of Google's that is wanted.",
            Some(faulty),
        ),
    ]
}

fn family<V: Display>(
    text: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    samples: impl IntoIterator<Item = (String, V)>,
) {
    // A String takes all that is written to it.
    let _ = writeln!(text, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{PREFIX}{name}{labels} {value}");
    }
}

/// The metrics' server, without a socket.
pub fn router(metrics: Arc<Metrics>, board: Reader, clock: Clock) -> Router {
    let answer = move || async move {
        let text = metrics.render(&board.borrow(), &clock);
        ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
    };
    Router::new().route("/metrics", get(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.renewed();
        metrics.signed();
        metrics.signed();
        metrics.failed(&Fault::new(Reason::AccessDenied, ""));
        metrics.answered(Question::Credentials, StatusCode::OK);
        metrics.answered(Question::Role, StatusCode::SERVICE_UNAVAILABLE);
        metrics.answered(Question::Other, StatusCode::NOT_FOUND);
        let text = metrics.render(&Board::default(), &Clock::system());
        let counted: Vec<_> =
            text.lines().filter(|line| !line.starts_with('#') && !line.ends_with(" 0")).collect();
        assert_eq!(
            counted,
            [
                r#"rolebridge_sidecar_refreshes_total{step="renew",outcome="ok",reason=""} 1"#,
                r#"rolebridge_sidecar_refreshes_total{step="sign",outcome="ok",reason=""} 2"#,
                r#"rolebridge_sidecar_refreshes_total{step="renew",outcome="fault",reason="access-denied"} 1"#,
                r#"rolebridge_sidecar_loopback_requests_total{question="role",answer="unavailable"} 1"#,
                r#"rolebridge_sidecar_loopback_requests_total{question="credentials",answer="answered"} 1"#,
                r#"rolebridge_sidecar_loopback_requests_total{question="other",answer="refused"} 1"#,
            ]
        );
    }

    #[test]
    fn the_questions_are_in_the_order_of_the_enum() {
        for (index, (question, _)) in QUESTIONS.iter().enumerate() {
            assert_eq!(*question as usize, index);
        }
    }
}
