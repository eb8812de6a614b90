//! The answers, in the shapes of the GCE metadata server.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, SERVER};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Metadata;
use super::query::Query;
use super::tree::Node;
use super::watch::etag;
use crate::google::Mint;
use crate::scopes::Scopes;
use crate::tokens::{Kind, Unavailable};

/// In requests and in answers.
const FLAVOR: (HeaderName, &str) = (HeaderName::from_static("metadata-flavor"), "Google");
const TEXT: &str = "application/text";
const JSON: &str = "application/json";
/// The most bytes of an ID token's audience.
const MOST_AUDIENCE: usize = 2048;

/// A body and its mark.
pub(super) struct Text {
    content_type: &'static str,
    body: String,
    pub(super) etag: String,
}

impl Text {
    fn new(content_type: &'static str, body: String) -> Self {
        let etag = etag(&body);
        Self { content_type, body, etag }
    }
}

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        ours((StatusCode::OK, [(CONTENT_TYPE, self.content_type.to_owned()), (ETAG, self.etag)], self.body))
    }
}

/// Libraries take an answer for one of Google's by these, a refusal too.
fn ours(response: impl IntoResponse) -> Response {
    ([FLAVOR, (SERVER, "Metadata Server for VM")], response).into_response()
}

/// A status and why.
pub(super) struct Refusal(StatusCode, String);

impl Refusal {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self(status, why.into())
    }

    fn bad_request(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, why)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        ours((self.0, [(CONTENT_TYPE, "text/plain; charset=utf-8")], self.1))
    }
}

/// What libraries ask to learn whether they are on Google Cloud. It needs no header: Go's asks without.
pub(super) async fn ping<M: Mint>(State(server): State<Arc<Metadata<M>>>) -> Response {
    Text::new(TEXT, server.root.text()).into_response()
}

pub(super) async fn metadata<M: Mint>(State(server): State<Arc<Metadata<M>>>, request: Request) -> Response {
    let answer = server.answer(request.uri(), request.headers()).await;
    answer.unwrap_or_else(Refusal::into_response)
}

/// The libraries write it in one way; headers in general are not told apart by case.
fn is_flavored(headers: &HeaderMap) -> bool {
    headers.get(FLAVOR.0).is_some_and(|flavor| flavor.as_bytes().eq_ignore_ascii_case(FLAVOR.1.as_bytes()))
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "OAuth names it so")]
struct AccessToken<'a> {
    access_token: &'a str,
    expires_in: u64,
    token_type: &'static str,
}

impl<M: Mint> Metadata<M> {
    async fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Result<Response, Refusal> {
        let path = uri.path();
        if !is_flavored(headers) {
            let why = format!(
                "Your client does not have permission to get URL {path} from this server. \
                 Missing Metadata-Flavor:Google header."
            );
            return Err(Refusal::new(StatusCode::FORBIDDEN, why));
        }
        let query = Query::parse(uri.query().unwrap_or_default()).map_err(Refusal::bad_request)?;
        match self.root.at(path) {
            None => {
                let why = format!("The requested URL {path} was not found on this server.");
                Err(Refusal::new(StatusCode::NOT_FOUND, why))
            }
            Some(Node::AccessToken) => self.access_token(&query).await,
            Some(Node::IdToken) => self.id_token(query).await,
            Some(node) => self.value(node, &query).await,
        }
    }

    async fn value(&self, node: &Node, query: &Query) -> Result<Response, Refusal> {
        let is_directory = matches!(node, Node::Directory(_));
        if is_directory && !query.recursive && (query.wait.is_some() || query.json) {
            let why = "a directory can be waited for and written as JSON with recursive=true only";
            return Err(Refusal::bad_request(why));
        }
        let as_json = query.json || (is_directory && query.recursive);
        let json = node.json().filter(|_| as_json).map(|json| Text::new(JSON, json.to_string()));
        let text = json.unwrap_or_else(|| Text::new(TEXT, node.text()));
        if let Some(wait) = &query.wait {
            self.watch_value(wait, &text).await?;
        }
        Ok(text.into_response())
    }

    async fn access_token(&self, query: &Query) -> Result<Response, Refusal> {
        let kind = Kind::Access(Scopes::parse(&query.scopes).map_err(Refusal::bad_request)?);
        if let Some(wait) = &query.wait {
            self.watch_token(wait, &kind).await?;
        }
        let served = self.tokens.token(&kind).await.map_err(|why| self.unavailable(why))?;
        let body = serde_json::to_string(&AccessToken {
            access_token: served.secret.expose(),
            expires_in: served.lives.as_secs(),
            token_type: "Bearer",
        });
        let body =
            body.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        // The life that is left differs in each answer, the token does not.
        let etag = etag(served.secret.expose());
        Ok(Text { content_type: JSON, body, etag }.into_response())
    }

    async fn id_token(&self, query: Query) -> Result<Response, Refusal> {
        let why = if query.audience.trim().is_empty() {
            Some("non-empty audience parameter required")
        } else if query.audience.len() > MOST_AUDIENCE || query.audience.chars().any(char::is_control) {
            Some("the audience must be text of at most 2048 bytes")
        } else if query.wait.is_some() {
            Some("an ID token cannot be waited for: it is made when it is asked for")
        } else if !self.impersonates {
            Some(
                "Google gives ID tokens to service accounts only, and this pod impersonates none: name one with the \
                 annotation rolebridge.io/service-account",
            )
        } else {
            None
        };
        if let Some(why) = why {
            return Err(Refusal::bad_request(why));
        }
        let kind = Kind::Id { audience: query.audience, with_email: query.full };
        let served = self.tokens.token(&kind).await.map_err(|why| self.unavailable(why))?;
        Ok(Text::new(TEXT, served.secret.expose().to_owned()).into_response())
    }

    /// What somebody must mend is no use to ask for again, so it gets a status that libraries do not retry; and none
    /// whose body they hide.
    fn unavailable(&self, why: Unavailable) -> Refusal {
        match why {
            Unavailable::Fault(fault) if fault.is_lasting() => Refusal::bad_request(fault.to_string()),
            Unavailable::Fault(fault) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, fault.to_string()),
            Unavailable::NotYet => {
                let board = self.board.borrow();
                let why = match board.token {
                    Some(_) => "no token yet: Google has not answered so far".to_owned(),
                    None => board.reason(),
                };
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
            }
        }
    }
}
