//! Whom a federated token stands for, in Google's own words.
//!
//! Source: `v1.introspect`, Security Token Service REST reference: `username` is the principal.

use serde::Deserialize;

use super::Google;
use super::exchange::form;
use super::refusal::Refusal;
use crate::call::{Request, call};
use crate::fault::{Fault, Peer, Reason};
use crate::secret::Secret;

const PEER: Peer = Peer::GoogleSts;

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    username: String,
}

pub(super) async fn principal(google: &Google, federated: &Secret) -> Result<String, Fault> {
    let request = Request {
        peer: PEER,
        method: "POST",
        url: &format!("{}/v1/introspect", google.settings.sts_endpoint),
        headers: &[("content-type", "application/x-www-form-urlencoded")],
        body: form(&[("token", federated.expose())]),
    };
    let answer = call(&google.connection, request).await?;
    if answer.status != 200 {
        let refusal = Refusal::of(&answer);
        let reason = refusal.common().unwrap_or(Reason::Refused);
        return Err(refusal.fault(reason, PEER, "introspection", &answer.host));
    }
    let body: Option<Body> = serde_json::from_slice(&answer.body).ok();
    let username = body.map(|body| body.username).filter(|username| username.starts_with("principal://"));
    username.ok_or_else(|| answer.unexpected(PEER, "no principal in it"))
}
