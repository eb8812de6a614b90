//! What lies between a listener and a service: counts, faults, the clock and the log.

use http::header::{DATE, HeaderName};

use crate::aws::Aws;
use crate::clock::{Clock, Timestamp};
use crate::events::{Event, Events};
use crate::faults::{Fault, Faults, Operation};
use crate::google::{Exchange, Google};
use crate::secret;
use crate::wire::{Answer, Request};

/// A service with an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    AwsSts,
    PodIdentity,
    GoogleSts,
    IamCredentials,
    Storage,
    BigQuery,
}

impl Service {
    /// Its host at Google.
    pub(crate) const fn google_host(self) -> Option<&'static str> {
        match self {
            Self::AwsSts | Self::PodIdentity => None,
            Self::GoogleSts => Some("sts.googleapis.com"),
            Self::IamCredentials => Some("iamcredentials.googleapis.com"),
            Self::Storage => Some("storage.googleapis.com"),
            Self::BigQuery => Some("bigquery.googleapis.com"),
        }
    }
}

/// An answer, and whether it is to break off half way.
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    pub(crate) torn: bool,
}

/// A fault that is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Expired,
    Denied,
    Throttled,
    Internal,
}

/// A call that was counted and, if asked for, delayed.
struct Admitted {
    operation: Operation,
    nth: u64,
    now: Timestamp,
    failure: Option<Failure>,
    torn: bool,
}

/// Both clouds.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) aws: Aws,
    pub(crate) google: Google,
    pub(crate) faults: Faults,
    pub(crate) events: Events,
    pub(crate) aws_clock: Clock,
    pub(crate) google_clock: Clock,
}

impl State {
    /// Answers a request as the service would.
    pub(crate) async fn call(&self, service: Service, request: Request) -> Reply {
        match service {
            Service::AwsSts => self.call_aws(&request).await,
            Service::PodIdentity => self.call_pod_identity(&request).await,
            _ => self.call_google(service, &request).await,
        }
    }

    async fn call_aws(&self, request: &Request) -> Reply {
        let call = self.admit(Aws::operation(request), &self.aws_clock).await;
        let answer = match call.failure {
            Some(failure) => Aws::fail(call.operation, failure, call.now),
            None => self.aws.answer(request, call.now),
        };
        self.finish(&call, answer.header(HeaderName::from_static("x-amzn-requestid"), &secret::uuid()))
    }

    async fn call_pod_identity(&self, request: &Request) -> Reply {
        let call = self.admit(Operation::PodCredentials, &self.aws_clock).await;
        let answer = match call.failure {
            Some(failure) => Aws::fail_pod_credentials(failure),
            None => self.aws.pod_credentials(request, call.now),
        };
        self.finish(&call, answer)
    }

    async fn call_google(&self, service: Service, request: &Request) -> Reply {
        let call = self.admit(Google::operation(service, request), &self.google_clock).await;
        let answer = match (call.failure, call.operation) {
            (Some(failure), operation) => Google::fail(service, operation, failure),
            (None, Operation::ExchangeToken) => self.exchange(request, call.now).await,
            (None, operation) => self.google.answer(service, operation, request, call.now),
        };
        self.finish(&call, answer)
    }

    /// Google posts a signed request to AWS, as anybody else would.
    async fn exchange(&self, request: &Request, now: Timestamp) -> Answer {
        let exchange = match self.google.begin_exchange(request, now) {
            Ok(Exchange::Answered(answer)) => return answer,
            Ok(Exchange::AskAws(exchange)) => exchange,
            Err(error) => return error.into(),
        };
        let reply = self.call_aws(exchange.aws_request()).await;
        let aws = (!reply.torn).then_some(&reply.answer);
        exchange.end(&self.google, aws, now).unwrap_or_else(Into::into)
    }

    async fn admit(&self, operation: Operation, clock: &Clock) -> Admitted {
        let (nth, fault) = self.faults.count(operation);
        let mut call = Admitted { operation, nth, now: clock.now(), failure: None, torn: false };
        match fault {
            None => {}
            Some(Fault::Expired) => call.failure = Some(Failure::Expired),
            Some(Fault::Denied) => call.failure = Some(Failure::Denied),
            Some(Fault::Throttled) => call.failure = Some(Failure::Throttled),
            Some(Fault::Internal) => call.failure = Some(Failure::Internal),
            Some(Fault::Torn) => call.torn = true,
            Some(Fault::WrongClock(seconds)) => call.now = call.now.plus(seconds),
            Some(Fault::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                call.now = clock.now();
            }
            Some(Fault::Held(hold)) => {
                hold.released().await;
                call.now = clock.now();
            }
        }
        call
    }

    fn finish(&self, call: &Admitted, answer: Answer) -> Reply {
        let answer = answer.header(DATE, &call.now.http());
        self.events.record(Event {
            operation: call.operation,
            nth: call.nth,
            at: call.now,
            status: answer.status.as_u16(),
            error: answer.error.clone(),
            detail: answer.detail.clone(),
        });
        Reply { answer, torn: call.torn }
    }
}
