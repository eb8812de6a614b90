//! The check of the access token in front of an emulator, which has none of its own.

use http::StatusCode;

use super::cloud::Google;
use super::error::{ApiError, Style};
use super::grpc;
use super::principal::Principal;
use crate::clock::Timestamp;
use crate::config::EmulatedApi;
use crate::events::Detail;
use crate::faults::ErrorKind;
use crate::service::Service;
use crate::wire::{Request, Response};

impl Google {
    /// Returns the entry of a call in the event log if its token is valid, else the fake's own response.
    pub(crate) fn check_emulated(
        &self,
        api: &EmulatedApi,
        request: &Request,
        fault: Option<ErrorKind>,
        now: Timestamp,
    ) -> Result<Detail, Box<Response>> {
        let style = style(api, request);
        if let Some(kind) = fault {
            return Err(Box::new(Self::error(kind, style).into_response(style)));
        }
        let path = request.uri().path();
        if api.public.iter().any(|public| path.starts_with(public)) {
            return Ok(Detail::Nothing);
        }
        let principal = self.emulated_caller(api, request, style, now)?.to_string();
        let method =
            if style == Style::Grpc { path.to_owned() } else { format!("{} {path}", request.method()) };
        Ok(Detail::EmulatorCalled { principal, host: api.host.clone(), method })
    }

    fn emulated_caller(
        &self,
        api: &EmulatedApi,
        request: &Request,
        style: Style,
        now: Timestamp,
    ) -> Result<Principal, Box<Response>> {
        if style == Style::Registry {
            return self.registry_grant(api, request, now).map(|grant| grant.principal);
        }
        let scopes: Vec<_> = api.scopes.iter().map(String::as_str).collect();
        let caller = self.tokens.caller(request, now, style, &scopes);
        caller.map_err(|error| Box::new(error.into_response(style)))
    }

    fn error(kind: ErrorKind, style: Style) -> ApiError {
        match kind {
            ErrorKind::Expired => ApiError::unauthenticated(style),
            ErrorKind::Denied => ApiError::forbidden("Access denied."),
            ErrorKind::Throttled => ApiError::throttled(Service::GoogleAdmin),
            ErrorKind::Internal => ApiError::internal(),
        }
    }

    /// Returns the error response for a protocol that the emulator does not serve.
    pub(crate) fn no_emulator(api: &EmulatedApi, request: &Request) -> Response {
        let message = format!("The emulator of {} does not serve this protocol.", api.host);
        let error = ApiError::new(StatusCode::NOT_IMPLEMENTED, "UNIMPLEMENTED", "notImplemented", message);
        error.into_response(style(api, request))
    }

    /// Returns the error response for an emulator that does not answer. The event log has the cause.
    pub(crate) fn emulator_error(api: &EmulatedApi, request: &Request, cause: &str) -> Response {
        let response = ApiError::internal().into_response(style(api, request));
        response.with_error(format!("the emulator of {} failed: {cause}", api.host))
    }
}

fn style(api: &EmulatedApi, request: &Request) -> Style {
    let legacy = [Service::Storage, Service::BigQuery].map(Service::google_host);
    if api.registry {
        Style::Registry
    } else if grpc::has_type(request) {
        Style::Grpc
    } else if legacy.contains(&Some(api.host.as_str())) {
        Style::Legacy
    } else {
        Style::Rpc
    }
}
