//! Asks Google STS for the principal of a federated token.
//!
//! Source: `v1.introspect`, Security Token Service REST reference: `username` is the principal.

use serde::Deserialize;

use super::client::GoogleClient;
use super::error::ErrorResponse;
use super::exchange::form;
use crate::error::{Error, ErrorKind, Service};
use crate::http::request::{Request, send};
use crate::secret::Secret;

const SERVICE: Service = Service::GoogleSts;

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    username: String,
}

pub(super) async fn principal(google: &GoogleClient, federated: &Secret) -> Result<String, Error> {
    let request = Request {
        service: SERVICE,
        method: "POST",
        url: &format!("{}/v1/introspect", google.settings.sts_endpoint),
        headers: &[("content-type", "application/x-www-form-urlencoded")],
        body: form(&[("token", federated.expose())]),
    };
    let response = send(&google.connection, request).await?;
    if response.status != 200 {
        let error_response = ErrorResponse::parse(&response);
        let kind = error_response.common_kind().unwrap_or(ErrorKind::Rejected);
        return Err(error_response.to_error(kind, SERVICE, "introspection", &response.host));
    }
    let body: Option<Body> = serde_json::from_slice(&response.body).ok();
    let username = body.map(|body| body.username).filter(|username| username.starts_with("principal://"));
    username
        .map(|username| response.quote(&username))
        .ok_or_else(|| response.unexpected(SERVICE, "no principal in the response"))
}
