//! AWS sessions from the EKS Pod Identity agent on the node. The agent chooses the session's name, and sets no session
//! policy.
//!
//! Source: "Container credential provider", AWS SDKs and Tools reference; the agent's source.

use serde::Deserialize;

use crate::aws::sts::Session;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Service};
use crate::http::request::{Request, Response, parse_time, send};
use crate::projected_token;
use crate::schedule::Lifetime;
use crate::settings::{Connection, PodIdentity};

const SERVICE: Service = Service::PodIdentity;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

/// Requests a session. The agent caches a session and renews it before it expires, so it may return the same one again.
pub(super) async fn session(
    agent: &PodIdentity,
    connection: &Connection,
    clock: &Clock,
) -> Result<Session, Error> {
    let authorization = projected_token::read(&agent.authorization_file)?;
    let request = Request {
        service: SERVICE,
        method: "GET",
        url: &agent.uri,
        headers: &[("authorization", authorization.expose())],
        body: String::new(),
    };
    let response = send(connection, request).await?;
    if response.status != 200 {
        return Err(error_response(&response));
    }
    let unexpected = |problem| response.unexpected(SERVICE, problem);
    let body = serde_json::from_slice(&response.body);
    let body: Body = body.map_err(|_| unexpected("no credentials in the response"))?;
    let expires = parse_time(&body.expiration).ok_or_else(|| unexpected("no expiration in the response"))?;
    let obtained = clock.now();
    if expires <= obtained {
        return Err(unexpected("the credentials in the response have expired"));
    }
    let Body { access_key_id, secret_access_key, token, .. } = body;
    let lifetime = Lifetime { obtained, expires };
    Session::new([access_key_id, secret_access_key, token], lifetime, "EksPodIdentity")
        .ok_or_else(|| unexpected("the credentials in the response are invalid"))
}

/// Converts an error response. The agent passes on the text and the status of EKS Auth.
fn error_response(response: &Response) -> Error {
    let text = String::from_utf8_lossy(&response.body);
    let kind = match response.status {
        429 => ErrorKind::Throttled,
        500.. => ErrorKind::ServerError,
        // The other error with this status is of EKS Auth.
        403 if text.contains("Called agent through invalid address") => ErrorKind::AgentAddress,
        _ => ErrorKind::NoAssociation,
    };
    Error::new(kind, format!("{} returned {}: {text}", response.host, response.status)).from_service(SERVICE)
}
