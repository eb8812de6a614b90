//! AWS credentials from EKS Pod Identity's agent on the node. The session is the agent's: its name is not ours to choose,
//! and no session policy is on it.
//!
//! Source: "Container credential provider", AWS SDKs and Tools reference; the agent's source.

use aws_credential_types::Credentials;
use serde::Deserialize;

use crate::call::{Answer, Request, call, time};
use crate::clock::Clock;
use crate::credentials::Session;
use crate::fault::{Fault, Peer, Reason};
use crate::schedule::Life;
use crate::settings::{Connection, PodIdentity};
use crate::web_identity;

const PEER: Peer = Peer::PodIdentity;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

/// A session. The agent keeps it and renews it before its end, so that the same may come again.
pub(super) async fn session(
    agent: &PodIdentity,
    connection: &Connection,
    clock: &Clock,
) -> Result<Session, Fault> {
    let authorization = web_identity::read(&agent.authorization_file)?;
    let request = Request {
        peer: PEER,
        method: "GET",
        url: &agent.uri,
        headers: &[("authorization", authorization.expose())],
        body: String::new(),
    };
    let answer = call(connection, request).await?;
    if answer.status != 200 {
        return Err(refusal(&answer));
    }
    let unexpected = |what| answer.unexpected(PEER, what);
    let body: Body = serde_json::from_slice(&answer.body).map_err(|_| unexpected("no credentials in it"))?;
    let expires = time(&body.expiration).ok_or_else(|| unexpected("no expiration in it"))?;
    let obtained = clock.now();
    if expires <= obtained {
        return Err(unexpected("credentials that have expired"));
    }
    let Body { access_key_id, secret_access_key, token, .. } = body;
    let credentials =
        Credentials::new(access_key_id, secret_access_key, Some(token), Some(expires), "EksPodIdentity");
    Ok(Session { credentials, life: Life { obtained, expires } })
}

/// The agent's words are those of EKS Auth, with its status.
fn refusal(answer: &Answer) -> Fault {
    let words = String::from_utf8_lossy(&answer.body);
    let reason = match answer.status {
        429 => Reason::Throttled,
        500.. => Reason::ServerError,
        _ => Reason::NoAssociation,
    };
    Fault::new(reason, format!("{} said {}: {words}", answer.host, answer.status)).at(PEER)
}
