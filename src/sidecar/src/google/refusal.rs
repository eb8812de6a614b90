//! Google's refusals, in both of their shapes: OAuth's of Google STS, and the APIs'.
//!
//! Source: RFC 6749 section 5.2; google.rpc.Status and google.rpc.ErrorInfo; the messages that users report.

use serde::Deserialize;

use crate::call::Answer;
use crate::fault::{Fault, Peer, Reason};

/// What Google said no with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// OAuth's error, or google.rpc.Code; empty if the answer is none of Google's.
    pub(super) code: String,
    pub(super) message: String,
    /// `SERVICE_DISABLED` and the like.
    pub(super) details: Vec<String>,
}

#[derive(Deserialize)]
struct Body {
    error: Shape,
    #[serde(default)]
    error_description: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Shape {
    Oauth(String),
    Api(Api),
}

#[derive(Deserialize)]
struct Api {
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    reason: String,
}

impl Refusal {
    pub(super) fn of(answer: &Answer) -> Self {
        let status = answer.status;
        match serde_json::from_slice(&answer.body) {
            Ok(Body { error: Shape::Oauth(code), error_description: message }) => {
                Self { status, code, message, details: Vec::new() }
            }
            Ok(Body { error: Shape::Api(Api { message, status: code, details }), .. }) => {
                let details = details.into_iter().map(|detail| detail.reason).collect();
                Self { status, code, message, details }
            }
            Err(_) => Self { status, ..Self::default() },
        }
    }

    pub(super) fn says(&self, words: &str) -> bool {
        self.message.contains(words)
    }

    /// What is the same wherever Google says it.
    pub(super) fn common(&self) -> Option<Reason> {
        if self.status == 429 {
            return Some(Reason::Throttled);
        } else if self.status >= 500 {
            return Some(Reason::ServerError);
        } else if self.code.is_empty() {
            return Some(Reason::UnexpectedAnswer);
        }
        let disabled = self.details.iter().any(|reason| reason == "SERVICE_DISABLED");
        (disabled || self.says("it is disabled. Enable it")).then_some(Reason::ApiDisabled)
    }

    /// The fault, in Google's words. `what` names the thing that it was about.
    pub(super) fn fault(&self, reason: Reason, peer: Peer, what: &str, host: &str) -> Fault {
        let Self { status, code, message, .. } = self;
        let code = if code.is_empty() { "no error of Google's" } else { code };
        Fault::new(reason, format!("{what}, {host} said {status} {code}: {message}")).at(peer)
    }
}
