//! Identity-Aware Proxy: it lets a call with a valid ID token through to an application, if the application's policy allows the
//! account.
//!
//! Source: "Programmatic authentication" and "Frequently asked questions" of IAP; the texts that users report. Not served:
//! tokens that a service account signs itself, and browsers' cookies.

use http::header::{HeaderName, LOCATION};
use http::{Method, StatusCode};

use super::cloud::Google;
use super::front_end_token::Invalid;
use super::policy::Policy;
use super::principal::Principal;
use crate::clock::Timestamp;
use crate::config;
use crate::error::ConfigError;
use crate::events::Detail;
use crate::wire::{Request, Response, header};

const ACCESS: &str = "iap.webServiceVersions.accessViaIAP";
const EMPTY_TOKEN: &str = "Invalid IAP credentials: empty token";
/// Every response of the proxy itself has this header with `true`.
const GENERATED: HeaderName = HeaderName::from_static("x-goog-iap-generated-response");

/// The applications.
#[derive(Debug)]
pub(crate) struct IapApplications(Vec<IapApplication>);

#[derive(Debug)]
struct IapApplication {
    host: String,
    client_ids: Vec<String>,
    policy: Policy,
    content: String,
}

impl IapApplications {
    pub(crate) fn new(config: &[config::IapApplication]) -> Result<Self, ConfigError> {
        let applications = config.iter().map(|application| {
            let config::IapApplication { host, client_ids, bindings, content } = application.clone();
            let policy = Policy::new(&format!("the application {host}"), &bindings)?;
            Ok(IapApplication { host, client_ids, policy, content })
        });
        applications.collect::<Result<_, _>>().map(Self)
    }
}

impl Google {
    /// Answers a call as the application, or as the proxy in front of it.
    pub(super) fn call_through_iap(&self, request: &Request, now: Timestamp) -> Response {
        let host = header(request, "host").unwrap_or_default();
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        let Some(application) = self.iap_applications.0.iter().find(|application| application.host == host)
        else {
            return refused(StatusCode::NOT_FOUND, "no such application");
        };
        let email = match self.caller(request, application, now) {
            Ok(email) => email,
            Err(EMPTY_TOKEN) if can_sign_in(request) => return sign_in(application),
            Err(error) => return refused(StatusCode::UNAUTHORIZED, error),
        };
        let caller = Principal::ServiceAccount { email };
        if !application.policy.grants(ACCESS, &caller) {
            return refused(StatusCode::FORBIDDEN, "You don't have access");
        }
        let detail = Detail::IapPassed { principal: caller.to_string(), host: application.host.clone() };
        Response::new(StatusCode::OK, "text/plain; charset=utf-8", application.content.clone())
            .with_detail(detail)
    }

    /// Returns the email address of the caller. A valid token in `Proxy-Authorization` decides, and `Authorization` is the
    /// application's own then. Otherwise `Authorization` decides, if there is one.
    fn caller(
        &self,
        request: &Request,
        application: &IapApplication,
        now: Timestamp,
    ) -> Result<String, &'static str> {
        let mut email = Err(EMPTY_TOKEN);
        for name in ["proxy-authorization", "authorization"] {
            let bearer = header(request, name).and_then(|value| value.strip_prefix("Bearer "));
            if let Some(token) = bearer.filter(|_| email.is_err()) {
                email = self.iap_email(token, &application.client_ids, now);
            }
        }
        email
    }

    /// Verifies an ID token and returns its email address.
    fn iap_email(&self, token: &str, client_ids: &[String], now: Timestamp) -> Result<String, &'static str> {
        let claims = self.signed_claims(token).map_err(|invalid| match invalid {
            Invalid::NotAToken | Invalid::Claims => "Invalid IAP credentials: Unable to parse JWT",
            Invalid::Signature | Invalid::Issuer => "Invalid IAP credentials: JWT signature is invalid",
        })?;
        if !claims.is_current(now) {
            return Err("OpenID Connect token expired: JWT has expired");
        }
        if !client_ids.contains(&claims.aud) {
            return Err("Invalid IAP credentials: Invalid bearer token. Invalid JWT audience.");
        }
        claims.email().ok_or("Invalid IAP credentials: JWT 'email' claim isn't a string")
    }
}

/// Returns true if the proxy sends the caller to the page where people sign in: a client that takes HTML, and not for POST.
fn can_sign_in(request: &Request) -> bool {
    let accept = header(request, "accept").unwrap_or_default();
    request.method() != Method::POST && ["text/html", "*/*"].iter().any(|kind| accept.contains(kind))
}

fn sign_in(application: &IapApplication) -> Response {
    let client_id = application.client_ids.first().map_or("", String::as_str);
    let url =
        format!("https://accounts.google.com/o/oauth2/v2/auth?client_id={client_id}&response_type=code");
    refused(StatusCode::FOUND, EMPTY_TOKEN).with_header(LOCATION, &url)
}

/// Returns a response of the proxy itself: a sentence, though its content type is HTML.
fn refused(status: StatusCode, text: &'static str) -> Response {
    Response::new(status, "text/html; charset=UTF-8", text)
        .with_header(GENERATED, "true")
        .with_error(format!("{}: {text}", status.as_u16()))
}

#[cfg(test)]
mod tests;
