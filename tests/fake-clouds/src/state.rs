//! The state of both clouds, and the steps of each call: count it, apply its fault, read the clock, record the event.

use std::io::{self, Write};

use http::header::{DATE, HeaderName};

use crate::aws::Aws;
use crate::clock::{Clock, Timestamp};
use crate::config::EmulatedApi;
use crate::events::{Event, EventLog};
use crate::faults::{ErrorKind, Fault, FaultInjector};
use crate::google::{Exchange, Google};
use crate::operation::Operation;
use crate::recorder::Recorder;
use crate::secret;
use crate::service::Service;
use crate::wire::{Request, Response};

/// A response, and the order to break it off halfway.
pub(crate) struct Reply {
    pub(crate) response: Response,
    pub(crate) truncated: bool,
}

/// A counted call, after the delay of its fault.
struct CountedCall {
    operation: Operation,
    nth: u64,
    now: Timestamp,
    error: Option<ErrorKind>,
    truncated: bool,
}

/// The state of both clouds.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) aws: Aws,
    pub(crate) google: Google,
    pub(crate) faults: FaultInjector,
    pub(crate) events: EventLog,
    pub(crate) recorder: Option<Recorder>,
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
        let call = self.begin(Aws::operation(request), &self.aws_clock).await;
        let response = match call.error {
            Some(kind) => Aws::error_response(call.operation, kind, call.now),
            None => self.aws.handle(request, call.now),
        };
        let response = response.with_header(HeaderName::from_static("x-amzn-requestid"), &secret::uuid());
        self.finish(Service::AwsSts, &call, request, response)
    }

    async fn call_pod_identity(&self, request: &Request) -> Reply {
        let call = self.begin(Operation::PodCredentials, &self.aws_clock).await;
        let response = match call.error {
            Some(kind) => Aws::pod_identity_error(kind),
            None => self.aws.pod_credentials(request, call.now),
        };
        self.finish(Service::PodIdentity, &call, request, response)
    }

    async fn call_google(&self, service: Service, request: &Request) -> Reply {
        let call = self.begin(Google::operation(service, request), &self.google_clock).await;
        let response = match (call.error, call.operation) {
            (Some(kind), operation) => Google::error_response(service, operation, kind),
            (None, Operation::ExchangeToken) => self.exchange(request, call.now).await,
            (None, operation) => self.google.handle(service, operation, request, call.now),
        };
        self.finish(service, &call, request, response)
    }

    /// Exchanges a token. Google posts a signed request to AWS without any privilege of its own.
    async fn exchange(&self, request: &Request, now: Timestamp) -> Response {
        let exchange = match self.google.begin_exchange(request, now) {
            Ok(Exchange::Done(response)) => return response,
            Ok(Exchange::NeedsAws(exchange)) => exchange,
            Err(error) => return error.into(),
        };
        let reply = self.call_aws(exchange.aws_request()).await;
        let aws = (!reply.truncated).then_some(&reply.response);
        exchange.finish(&self.google, aws, now).unwrap_or_else(Into::into)
    }

    /// Checks and records a call, and awaits the emulator's response only if the token is valid.
    pub(crate) async fn call_emulator<T>(
        &self,
        api: &EmulatedApi,
        request: &Request,
        forward: impl Future<Output = Result<Option<http::Response<T>>, String>>,
    ) -> Result<http::Response<T>, Box<Response>> {
        let call = self.begin(Operation::CallEmulator, &self.google_clock).await;
        let failed = |response: Box<Response>| {
            self.record(&call, &response);
            Err(response)
        };
        let detail = match self.google.check_emulated(api, request, call.error, call.now) {
            Ok(detail) => detail,
            Err(response) => return failed(response),
        };
        let response = match forward.await {
            Ok(Some(response)) => response,
            Ok(None) => return failed(Box::new(Google::no_emulator(api, request))),
            Err(error) => return failed(Box::new(Google::emulator_error(api, request, &error))),
        };
        self.record(&call, &Response::new(response.status(), "", "").with_detail(detail));
        Ok(response)
    }

    async fn begin(&self, operation: Operation, clock: &Clock) -> CountedCall {
        let (nth, fault) = self.faults.begin_call(operation);
        let mut call = CountedCall { operation, nth, now: clock.now(), error: None, truncated: false };
        match fault {
            None => {}
            Some(Fault::Expired) => call.error = Some(ErrorKind::Expired),
            Some(Fault::Denied) => call.error = Some(ErrorKind::Denied),
            Some(Fault::Throttled) => call.error = Some(ErrorKind::Throttled),
            Some(Fault::InternalError) => call.error = Some(ErrorKind::Internal),
            Some(Fault::ConnectionReset) => call.truncated = true,
            Some(Fault::ClockSkew(seconds)) => call.now = call.now.plus(seconds),
            Some(Fault::Delay(delay)) => {
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

    fn finish(&self, service: Service, call: &CountedCall, request: &Request, response: Response) -> Reply {
        let response = response.with_header(DATE, &call.now.http());
        if let Some(recorder) = &self.recorder
            && let Err(error) = recorder.record(service, call.operation, request, &response)
        {
            let _ = writeln!(io::stderr(), "fake-clouds: failed to record a call: {error}");
        }
        self.record(call, &response);
        Reply { response, truncated: call.truncated }
    }

    fn record(&self, call: &CountedCall, response: &Response) {
        self.events.record(Event {
            operation: call.operation,
            nth: call.nth,
            at: call.now,
            status: response.status.as_u16(),
            error: response.error.clone(),
            detail: response.detail.clone(),
        });
    }
}
