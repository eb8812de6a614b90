//! Signed actions: `GetCallerIdentity`, which no policy can deny, and other actions, which the session policy does
//! deny.

use std::sync::Arc;

use http::StatusCode;

use super::cloud::{Aws, VERSION};
use super::error::{Error, success};
use super::host;
use super::sessions::Session;
use super::sigv4::Authorization;
use super::xml::escape;
use crate::clock::Timestamp;
use crate::events::Detail;
use crate::fields::Fields;
use crate::secret::Secret;
use crate::wire::{Request, Response, header};

/// The other signed actions of STS.
const OTHER_ACTIONS: [&str; 8] = [
    "AssumeRole",
    "AssumeRoot",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetDelegatedAccessToken",
    "GetFederationToken",
    "GetScopedCredentials",
    "GetSessionToken",
];

impl Aws {
    pub(super) fn caller_identity(&self, request: &Request, now: Timestamp) -> Result<Response, Error> {
        let session = self.authenticate(request, now)?;
        let (arn, account) = (session.arn(), session.role.account.clone());
        let result = format!(
            "    <Arn>{}</Arn>\n    <UserId>{}</UserId>\n    <Account>{account}</Account>\n",
            escape(&arn),
            escape(&session.user_id()),
        );
        Ok(success("GetCallerIdentity", &result).with_detail(Detail::CallerIdentified {
            arn,
            account,
            access_key_id: session.access_key.clone(),
        }))
    }

    /// Handles any other action, which the policies of the session and the role may deny. An allowed action fails too:
    /// this fake implements `DecodeAuthorizationMessage` alone, and no message decodes.
    pub(super) fn other_action(
        &self,
        action: &str,
        fields: &Fields,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, Error> {
        let bad_request = |code, message: String| Error::new(StatusCode::BAD_REQUEST, code, message);
        if !OTHER_ACTIONS.contains(&action) {
            let message = format!("Could not find operation {action} for version {VERSION}");
            return Err(bad_request("InvalidAction", message));
        }
        let session = self.authenticate(request, now)?;
        if let Some(message) = session.denial_message(&format!("sts:{action}"), &[]) {
            return Err(Error::denied(message));
        }
        if action == "DecodeAuthorizationMessage" && fields.value("EncodedMessage").is_some() {
            return Err(bad_request(
                "InvalidAuthorizationMessageException",
                "Message is not valid".to_owned(),
            ));
        }
        Err(bad_request(
            "InvalidAction",
            format!("{action} is allowed to this session, but this fake of AWS does not implement it"),
        ))
    }

    /// Returns the session that signed a request.
    pub(super) fn authenticate(&self, request: &Request, now: Timestamp) -> Result<Arc<Session>, Error> {
        let authorization = Authorization::parse(request)?;
        authorization.check(request, now, self.signature_minutes)?;
        let session = self.sessions.find(authorization.access_key).ok_or_else(Error::invalid_token)?;
        let token = header(request, "x-amz-security-token").map(|token| Secret::new(token.to_owned()));
        let region = host::region(header(request, "host").unwrap_or_default());
        // A partition does not know the keys of another.
        let wrong_partition = region.is_some_and(|region| {
            rolebridge_core::aws::Partition::of_region(region).as_str() != session.role.partition
        });
        if wrong_partition || token.as_ref() != Some(&session.token) {
            return Err(Error::invalid_token());
        }
        authorization.verify(request, session.secret.expose())?;
        if now >= session.expires {
            return Err(Error::expired_token());
        }
        Ok(session)
    }
}
