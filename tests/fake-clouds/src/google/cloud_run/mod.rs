//! Cloud Run's front end: it lets a call with a valid ID token through to the service, if its policy allows the account.
//!
//! Source: "Authenticating service-to-service" and "Troubleshoot Cloud Run"; the responses that users report.

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

use super::cloud::Google;
use super::front_end_token::Invalid;
use super::policy::Policy;
use super::principal::Principal;
use crate::clock::Timestamp;
use crate::config;
use crate::error::ConfigError;
use crate::events::Detail;
use crate::wire::{Request, Response, header};

const INVOKE: &str = "run.routes.invoke";

/// The services.
#[derive(Debug)]
pub(crate) struct RunServices(Vec<RunService>);

#[derive(Debug)]
struct RunService {
    host: String,
    policy: Policy,
    content: String,
}

impl RunServices {
    pub(crate) fn new(config: &[config::RunService]) -> Result<Self, ConfigError> {
        let services = config.iter().map(|service| {
            let policy = Policy::new(&format!("the service {}", service.host), &service.bindings)?;
            Ok(RunService { host: service.host.clone(), policy, content: service.content.clone() })
        });
        services.collect::<Result<_, _>>().map(Self)
    }
}

impl Google {
    /// Answers a call as the service, or as Cloud Run in front of it.
    pub(super) fn invoke_service(&self, request: &Request, now: Timestamp) -> Response {
        let host = header(request, "host").unwrap_or_default();
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        let Some(service) = self.run_services.0.iter().find(|service| service.host == host) else {
            return page(
                StatusCode::NOT_FOUND,
                "The requested URL was not found on this server.",
                "no such service",
            );
        };
        let bearer = header(request, "x-serverless-authorization").or(header(request, "authorization"));
        let Some(token) = bearer.and_then(|value| value.strip_prefix("Bearer ")) else {
            return forbidden(request, "The request was not authenticated.");
        };
        let email = match self.verified_email(token, service, now) {
            Ok(email) => email,
            Err(cause) => return unauthorized(request, cause),
        };
        let caller = Principal::ServiceAccount { email };
        if !service.policy.grants(INVOKE, &caller) {
            return forbidden(request, "The IAM principal lacks run.routes.invoke.");
        }
        let detail = Detail::ServiceInvoked { principal: caller.to_string(), host: service.host.clone() };
        Response::new(StatusCode::OK, "text/plain; charset=utf-8", service.content.clone())
            .with_detail(detail)
    }

    /// Verifies an ID token for a service and returns its email address.
    fn verified_email(
        &self,
        token: &str,
        service: &RunService,
        now: Timestamp,
    ) -> Result<String, &'static str> {
        let claims = self.signed_claims(token).map_err(|invalid| match invalid {
            Invalid::NotAToken => "the token is not an ID token",
            Invalid::Signature => "the signature is not Google's",
            Invalid::Claims => "a claim is missing",
            Invalid::Issuer => "the issuer is not Google",
        })?;
        if claims.aud.strip_prefix("https://").map(|rest| rest.trim_end_matches('/')) != Some(&service.host) {
            return Err("the audience is not the service's URL");
        }
        if !claims.is_current(now) {
            return Err("the token has expired");
        }
        claims.email().ok_or("the token has no email address")
    }
}

fn unauthorized(request: &Request, cause: &str) -> Response {
    let path = request.uri().path();
    let text = format!("Your client does not have permission to the requested URL <code>{path}</code>.");
    let challenge =
        "Bearer error=\"invalid_token\" error_description=\"The access token could not be verified\"";
    page(StatusCode::UNAUTHORIZED, &text, cause).with_header(WWW_AUTHENTICATE, challenge)
}

fn forbidden(request: &Request, cause: &str) -> Response {
    let path = request.uri().path();
    let text =
        format!("Your client does not have permission to get URL <code>{path}</code> from this server.");
    page(StatusCode::FORBIDDEN, &text, cause)
}

/// Returns a page of Google's front end. It does not say the cause, which the event log has.
fn page(status: StatusCode, text: &str, cause: &str) -> Response {
    let (code, name) = (status.as_u16(), status.canonical_reason().unwrap_or_default());
    let body = format!(
        "<html><head>\n<meta http-equiv=\"content-type\" content=\"text/html;charset=utf-8\">\n<title>{code} {name}</title>\n\
         </head>\n<body text=#000000 bgcolor=#ffffff>\n<h1>Error: {name}</h1>\n<h2>{text}</h2>\n<h2></h2>\n</body></html>\n"
    );
    Response::new(status, "text/html; charset=UTF-8", body).with_error(format!("{code}: {cause}"))
}

#[cfg(test)]
mod tests;
