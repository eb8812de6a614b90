//! The sidecar's metrics, in Prometheus's text exposition format. Labels have a closed set of values, and nothing here is
//! a secret, because the port is reachable from outside the pod.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use rolebridge_telemetry::exposition::{Exposition, MetricType};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Stage};
use crate::shared_state::{Reader, SharedState};
use crate::status_file::unix_seconds;
use crate::token_kind::TokenClass;

const PREFIX: &str = "rolebridge_sidecar_";

/// An endpoint of the server on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// IMDS: the session token.
    SessionToken,
    /// IMDS: the region.
    Region,
    /// IMDS: the role's name.
    Role,
    /// IMDS: the credentials.
    Credentials,
    /// IMDS: the subject token.
    SubjectToken,
    /// GCE metadata: an access token.
    AccessToken,
    /// GCE metadata: an ID token.
    IdToken,
    /// GCE metadata: any other value.
    Metadata,
    /// A path that is not served.
    Other,
}

const ENDPOINTS: [(Endpoint, &str); 9] = [
    (Endpoint::SessionToken, "session-token"),
    (Endpoint::Region, "region"),
    (Endpoint::Role, "role"),
    (Endpoint::Credentials, "credentials"),
    (Endpoint::SubjectToken, "subject-token"),
    (Endpoint::AccessToken, "access-token"),
    (Endpoint::IdToken, "id-token"),
    (Endpoint::Metadata, "metadata"),
    (Endpoint::Other, "other"),
];
const RESULTS: [&str; 3] = ["ok", "rejected", "unavailable"];

/// The counters.
#[derive(Debug, Default)]
pub struct Metrics {
    renewals: AtomicU64,
    signatures: AtomicU64,
    errors: PerKind,
    issued: [AtomicU64; TokenClass::ALL.len()],
    issue_errors: [PerKind; TokenClass::ALL.len()],
    /// The number of Google tokens that could not be issued at the last attempt.
    failing_tokens: AtomicU64,
    requests: [[AtomicU64; RESULTS.len()]; ENDPOINTS.len()],
}

/// A counter for each kind of error.
#[derive(Debug)]
struct PerKind([AtomicU64; ErrorKind::ALL.len()]);

impl Default for PerKind {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::default()))
    }
}

impl PerKind {
    fn count(&self, error: &Error) {
        increment(&self.0[error.kind() as usize]);
    }

    fn iter(&self) -> impl Iterator<Item = (ErrorKind, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        ErrorKind::ALL.iter().copied().zip(counts)
    }
}

fn increment(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Counts a Google token as failing until it is dropped. See [`Metrics::failure_guard`].
#[derive(Debug)]
pub struct FailureGuard(Arc<Metrics>);

impl Drop for FailureGuard {
    fn drop(&mut self) {
        self.0.failing_tokens.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Counts a session or JSON web token that differs from the current one.
    pub fn count_renewal(&self) {
        increment(&self.renewals);
    }

    /// Counts a signed and published token.
    pub fn count_signature(&self) {
        increment(&self.signatures);
    }

    /// Counts a failed refresh.
    pub fn count_error(&self, error: &Error) {
        self.errors.count(error);
    }

    /// Counts a token that Google issued.
    pub fn count_issued(&self, class: TokenClass) {
        increment(&self.issued[class as usize]);
    }

    /// Counts a failed request for a Google token.
    pub fn count_issue_error(&self, class: TokenClass, error: &Error) {
        self.issue_errors[class as usize].count(error);
    }

    /// Counts a requested Google token as failing until the guard is dropped.
    #[must_use]
    pub fn failure_guard(self: &Arc<Self>) -> FailureGuard {
        increment(&self.failing_tokens);
        FailureGuard(Arc::clone(self))
    }

    /// Counts a request to the server on 127.0.0.1 by the status of its response.
    pub fn count_request(&self, endpoint: Endpoint, status: StatusCode) {
        let result = match status {
            StatusCode::SERVICE_UNAVAILABLE => 2,
            status if status.is_success() => 0,
            _ => 1,
        };
        increment(&self.requests[endpoint as usize][result]);
    }

    /// Renders all metrics, with the gauges from `state` and `clock`.
    #[must_use]
    pub fn render(&self, state: &SharedState, clock: &Clock) -> String {
        let mut exposition = Exposition::new(PREFIX);
        self.write_refreshes(&mut exposition);
        self.write_google_tokens(&mut exposition);
        self.write_loopback_requests(&mut exposition);
        let has_failing_tokens = self.failing_tokens.load(Ordering::Relaxed) > 0;
        for (name, help, value) in gauges(state, has_failing_tokens, clock) {
            let mut family = exposition.family(name, MetricType::Gauge, help);
            if let Some(value) = value {
                family.sample(&[], value);
            }
        }
        exposition.into_text()
    }

    fn write_refreshes(&self, exposition: &mut Exposition) {
        let mut family = exposition.family(
            "refreshes_total",
            MetricType::Counter,
            "New sessions and tokens (renew) and publications (sign), by outcome and reason.",
        );
        for (step, count) in [("renew", &self.renewals), ("sign", &self.signatures)] {
            let labels = [("step", step), ("outcome", "ok"), ("reason", "")];
            family.sample(&labels, count.load(Ordering::Relaxed));
        }
        for (kind, count) in self.errors.iter() {
            let step = if kind.stage() == Stage::Publication { "sign" } else { "renew" };
            family.sample(&[("step", step), ("outcome", "error"), ("reason", kind.code())], count);
        }
    }

    fn write_google_tokens(&self, exposition: &mut Exposition) {
        let mut family = exposition.family(
            "google_tokens_total",
            MetricType::Counter,
            "Requests for Google tokens, by outcome and reason. An error is listed once it has occurred.",
        );
        for ((class, issued), issue_errors) in
            TokenClass::ALL.iter().zip(&self.issued).zip(&self.issue_errors)
        {
            let token = class.name();
            let labels = [("token", token), ("outcome", "ok"), ("reason", "")];
            family.sample(&labels, issued.load(Ordering::Relaxed));
            for (kind, count) in issue_errors.iter().filter(|(_, count)| *count > 0) {
                family.sample(&[("token", token), ("outcome", "error"), ("reason", kind.code())], count);
            }
        }
    }

    fn write_loopback_requests(&self, exposition: &mut Exposition) {
        let mut family = exposition.family(
            "loopback_requests_total",
            MetricType::Counter,
            "Requests to the server on 127.0.0.1, by endpoint and result.",
        );
        for ((_, endpoint), counts) in ENDPOINTS.iter().zip(&self.requests) {
            for (result, count) in RESULTS.iter().zip(counts) {
                let labels = [("endpoint", *endpoint), ("result", *result)];
                family.sample(&labels, count.load(Ordering::Relaxed));
            }
        }
    }
}

/// The name, help and value of a gauge; no value until it is known.
type Gauge = (&'static str, &'static str, Option<i64>);

fn gauges(state: &SharedState, has_failing_tokens: bool, clock: &Clock) -> [Gauge; 4] {
    let age = |at: SystemTime| clock.now().duration_since(at).unwrap_or_default().as_secs();
    let to_signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    let token_age = state.token.as_ref().map(|token| to_signed(age(token.signed_at)));
    let session = state.session.as_ref().map(|session| session.lifetime.expires);
    let expires = session.or_else(|| state.token.as_ref().map(|token| token.valid_until));
    let expires = expires.map(|at| to_signed(unix_seconds(at)));
    let refresh_failing = i64::from(has_failing_tokens || state.error.is_some());
    [
        ("token_age_seconds", "Seconds since the published token was signed.", token_age),
        (
            "credentials_expiry_timestamp_seconds",
            "Time at which the AWS session or the JSON web token expires, by AWS's clock.",
            expires,
        ),
        (
            "clock_offset_seconds",
            "Seconds that AWS's clock is ahead of the node's, if the sidecar corrects for it.",
            Some(clock.offset()),
        ),
        (
            "refresh_failing",
            "1 if the last refresh failed, or the last request for a Google token that an app needs.",
            Some(refresh_failing),
        ),
    ]
}

/// Returns the router of the metrics' server.
pub fn router(metrics: Arc<Metrics>, state: Reader, clock: Clock) -> Router {
    let handler = move || async move {
        let text = metrics.render(&state.borrow(), &clock);
        ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
    };
    Router::new().route("/metrics", get(handler))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn render_lists_each_counter_with_its_labels() {
        let metrics = Metrics::default();
        metrics.count_renewal();
        metrics.count_signature();
        metrics.count_signature();
        metrics.count_error(&Error::new(ErrorKind::AccessDenied, ""));
        metrics.count_request(Endpoint::Credentials, StatusCode::OK);
        metrics.count_request(Endpoint::Role, StatusCode::SERVICE_UNAVAILABLE);
        metrics.count_request(Endpoint::Other, StatusCode::NOT_FOUND);
        let text = metrics.render(&SharedState::default(), &Clock::system());
        let counted: Vec<_> =
            text.lines().filter(|line| !line.starts_with('#') && !line.ends_with(" 0")).collect();
        assert_eq!(
            counted,
            [
                r#"rolebridge_sidecar_refreshes_total{step="renew",outcome="ok",reason=""} 1"#,
                r#"rolebridge_sidecar_refreshes_total{step="sign",outcome="ok",reason=""} 2"#,
                r#"rolebridge_sidecar_refreshes_total{step="renew",outcome="error",reason="access-denied"} 1"#,
                r#"rolebridge_sidecar_loopback_requests_total{endpoint="role",result="unavailable"} 1"#,
                r#"rolebridge_sidecar_loopback_requests_total{endpoint="credentials",result="ok"} 1"#,
                r#"rolebridge_sidecar_loopback_requests_total{endpoint="other",result="rejected"} 1"#,
            ]
        );
    }

    #[test]
    fn endpoints_are_in_the_order_of_the_enum() {
        for (index, (endpoint, _)) in ENDPOINTS.iter().enumerate() {
            assert_eq!(*endpoint as usize, index);
        }
    }
}
