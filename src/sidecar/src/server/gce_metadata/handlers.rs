//! The handlers, with responses in the form of the GCE metadata server.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::query::Query;
use super::response::{Body, FLAVOR, Rejection, etag};
use super::state::GceMetadataServer;
use super::tree::MetadataEntry;
use crate::google::TokenProvider;
use crate::scopes::Scopes;
use crate::token_cache::Unavailable;
use crate::token_kind::TokenKind;

const TEXT: &str = "application/text";
const JSON: &str = "application/json";
/// Maximum number of bytes of an ID token's audience.
const MAX_AUDIENCE_BYTES: usize = 2048;

/// Handles the request by which libraries detect Google Cloud. Go's library sends it without the header.
pub(super) async fn ping<P: TokenProvider>(State(server): State<Arc<GceMetadataServer<P>>>) -> Response {
    Body::new(TEXT, server.root.text()).into_response()
}

pub(super) async fn metadata<P: TokenProvider>(
    State(server): State<Arc<GceMetadataServer<P>>>,
    request: Request,
) -> Response {
    let response = server.handle(request.uri(), request.headers()).await;
    response.unwrap_or_else(Rejection::into_response)
}

/// Returns true if the request has the header. All libraries write the value alike, but its case is ignored.
fn has_flavor(headers: &HeaderMap) -> bool {
    headers.get(FLAVOR.0).is_some_and(|flavor| flavor.as_bytes().eq_ignore_ascii_case(FLAVOR.1.as_bytes()))
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "OAuth's names")]
struct AccessToken<'a> {
    access_token: &'a str,
    expires_in: u64,
    token_type: &'static str,
}

impl<P: TokenProvider> GceMetadataServer<P> {
    async fn handle(&self, uri: &Uri, headers: &HeaderMap) -> Result<Response, Rejection> {
        let path = uri.path();
        if !has_flavor(headers) {
            let reason = format!(
                "Your client does not have permission to get URL {path} from this server. \
                 Missing Metadata-Flavor:Google header."
            );
            return Err(Rejection::new(StatusCode::FORBIDDEN, reason));
        }
        let query = Query::parse(uri.query().unwrap_or_default()).map_err(Rejection::bad_request)?;
        match self.root.at(path) {
            None => {
                let reason = format!("The requested URL {path} was not found on this server.");
                Err(Rejection::new(StatusCode::NOT_FOUND, reason))
            }
            Some(MetadataEntry::AccessToken) => self.access_token(&query).await,
            Some(MetadataEntry::IdToken) => self.id_token(query).await,
            Some(MetadataEntry::NoEmail) => {
                let reason = "This pod has direct access: it impersonates no service account, so there is none to sign with. \
                              Fix: set one with the annotation rolebridge.io/service-account.";
                Err(Rejection::new(StatusCode::NOT_FOUND, reason))
            }
            Some(entry) => self.value(entry, &query).await,
        }
    }

    async fn value(&self, entry: &MetadataEntry, query: &Query) -> Result<Response, Rejection> {
        let is_directory = matches!(entry, MetadataEntry::Directory(_));
        if is_directory && !query.recursive && (query.wait.is_some() || query.json) {
            let reason = "wait_for_change and alt=json of a directory require recursive=true";
            return Err(Rejection::bad_request(reason));
        }
        let as_json = query.json || (is_directory && query.recursive);
        let json = entry.json().filter(|_| as_json).map(|json| Body::new(JSON, json.to_string()));
        let body = json.unwrap_or_else(|| Body::new(TEXT, entry.text()));
        if let Some(wait) = &query.wait {
            self.wait_for_value(wait, &body).await?;
        }
        Ok(body.into_response())
    }

    async fn access_token(&self, query: &Query) -> Result<Response, Rejection> {
        let kind = TokenKind::Access(Scopes::parse(&query.scopes).map_err(Rejection::bad_request)?);
        if let Some(wait) = &query.wait {
            self.wait_for_token(wait, &kind).await?;
        }
        let token = self.tokens.get(&kind).await.map_err(|error| self.unavailable(error))?;
        let text = serde_json::to_string(&AccessToken {
            access_token: token.secret.expose(),
            expires_in: token.expires_in.as_secs(),
            token_type: "Bearer",
        });
        let text =
            text.map_err(|error| Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        // The etag is of the token alone, because the remaining lifetime differs in each response.
        let etag = etag(token.secret.expose());
        Ok(Body { content_type: JSON, text, etag }.into_response())
    }

    async fn id_token(&self, query: Query) -> Result<Response, Rejection> {
        let invalid = if query.audience.trim().is_empty() {
            Some("non-empty audience parameter required")
        } else if query.audience.len() > MAX_AUDIENCE_BYTES || query.audience.chars().any(char::is_control) {
            Some("audience: expected text of at most 2048 bytes")
        } else if query.wait.is_some() {
            Some("wait_for_change is not available for ID tokens, which are issued on demand")
        } else {
            None
        };
        if let Some(reason) = invalid {
            return Err(Rejection::bad_request(reason));
        }
        if !self.impersonates {
            // gcloud always requests an ID token too. With this status it works without one, as on a machine without a
            // service account; with any other it fails.
            let reason = "Google issues ID tokens only to service accounts, and this pod impersonates none. \
                          Fix: set one with the annotation rolebridge.io/service-account.";
            return Err(Rejection::new(StatusCode::NOT_FOUND, reason));
        }
        let kind = TokenKind::Id { audience: query.audience };
        let token = self.tokens.get(&kind).await.map_err(|error| self.unavailable(error))?;
        Ok(Body::new(TEXT, token.secret.expose().to_owned()).into_response())
    }

    /// Converts an error. Libraries do not retry the status of a permanent one, and they show its body.
    fn unavailable(&self, unavailable: Unavailable) -> Rejection {
        match unavailable {
            Unavailable::Error(error) if error.is_permanent() => Rejection::bad_request(error.to_string()),
            Unavailable::Error(error) => Rejection::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            Unavailable::Pending => {
                let state = self.state.borrow();
                let reason = match state.token {
                    Some(_) => "no token yet: waiting for Google's response".to_owned(),
                    None => state.unavailable_reason().to_string(),
                };
                Rejection::new(StatusCode::SERVICE_UNAVAILABLE, reason)
            }
        }
    }
}
