//! The authentication of Artifact Registry for container images.
//!
//! Source: "Token Authentication Specification" of the distribution project, and "Configure authentication to Artifact
//! Registry for Docker": the user is `oauth2accesstoken`, the password an access token. Clients of Google send other users:
//! go-containerregistry `_token`, and the helpers of Docker `_dcgcloud_token` or `_dcgcr_VERSION_token`. This fake is stricter
//! than Google in two points: it gives anonymous callers no token, and accepts Basic only for a token.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use serde_json::json;

use super::cloud::Google;
use super::error::{ApiError, Style};
use super::tokens::TokenGrant;
use crate::clock::Timestamp;
use crate::config::EmulatedApi;
use crate::secret;
use crate::wire::{Request, Response, header};

/// The path of the token service.
const TOKEN_PATH: &str = "/v2/token";
/// The path at which clients ask how to authenticate.
const PING_PATH: &str = "/v2/";

impl Google {
    /// Returns the grant of the caller, else the fake's own response: a challenge, an error or a token of the registry.
    pub(super) fn registry_grant(
        &self,
        api: &EmulatedApi,
        request: &Request,
        now: Timestamp,
    ) -> Result<TokenGrant, Box<Response>> {
        let own_scope = scope(api);
        let mut scopes: Vec<_> = api.scopes.iter().map(String::as_str).collect();
        let is_exchange = request.uri().path() == TOKEN_PATH;
        let token = if is_exchange {
            password(request)
        } else {
            scopes.push(&own_scope);
            header(request, "authorization")
                .and_then(|value| value.strip_prefix("Bearer "))
                .map(str::to_owned)
        };
        let unauthenticated = || ApiError::unauthenticated(Style::Registry);
        let granted = token
            .ok_or_else(unauthenticated)
            .and_then(|token| self.tokens.grant_with(&token, now, Style::Registry, &scopes));
        match granted {
            Ok(grant) if is_exchange => Err(Box::new(self.registry_token(api, grant, now))),
            Ok(grant) => Ok(grant),
            Err(error) => Err(Box::new(challenged(api, request, error))),
        }
    }

    /// Returns a token that only this registry accepts. It expires with the access token.
    fn registry_token(&self, api: &EmulatedApi, grant: TokenGrant, now: Timestamp) -> Response {
        let token = secret::url_safe(120);
        let seconds = grant.expires.0 - now.0;
        self.tokens.add(token.clone(), TokenGrant { scopes: vec![scope(api)], ..grant });
        Response::json(StatusCode::OK, &json!({"token": token, "expires_in": seconds}))
    }
}

/// Returns the scope of a registry's own tokens.
fn scope(api: &EmulatedApi) -> String {
    format!("https://{}/v2/", api.host)
}

/// Returns the password of Basic, if the user says that it is an access token.
fn password(request: &Request) -> Option<String> {
    let encoded = header(request, "authorization")?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    let is_token = user == "oauth2accesstoken" || user.starts_with('_') && user.ends_with("_token");
    is_token.then(|| password.to_owned())
}

/// Returns an error response, which says where a token is to be had if the caller needs one.
fn challenged(api: &EmulatedApi, request: &Request, error: ApiError) -> Response {
    let asks = request.uri().path() == PING_PATH && !request.headers().contains_key(AUTHORIZATION);
    let mut response = error.into_response(Style::Registry);
    if asks {
        // Every client begins with this question, and no token was refused.
        response.error = None;
    }
    if response.status == StatusCode::UNAUTHORIZED {
        let host = &api.host;
        let challenge = format!("Bearer realm=\"https://{host}{TOKEN_PATH}\",service=\"{host}\"");
        return response.with_header(WWW_AUTHENTICATE, &challenge);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use rstest::rstest;
    use serde_json::Value;

    use super::*;
    use crate::config::{self, Config};
    use crate::google::principal::Principal;
    use crate::oidc::Issuers;

    const HOST: &str = "us-docker.pkg.dev";
    const READ: &str = "https://www.googleapis.com/auth/devstorage.read_only";
    const MANIFEST: &str = "/v2/shop-analytics/images/orders/manifests/latest";
    const NOW: Timestamp = Timestamp(1_000_000);
    /// The lifetime of every access token here, in seconds.
    const SECONDS: i64 = 3600;

    fn api() -> EmulatedApi {
        let scopes = vec![READ.to_owned()];
        EmulatedApi {
            host: HOST.to_owned(),
            http: None,
            grpc: None,
            scopes,
            public: Vec::new(),
            registry: true,
        }
    }

    /// Returns Google with an access token for images, `reader`, and one for something else, `other`.
    fn google() -> Google {
        let issuers = Arc::new(Issuers::new(&Config::default()).unwrap());
        let google = Google::new(&config::Google::default(), issuers).unwrap();
        for (token, scope) in [("reader", READ), ("other", "https://www.googleapis.com/auth/pubsub")] {
            let principal = Principal::User { email: format!("{token}@example.com") };
            let (scopes, expires) = (vec![scope.to_owned()], NOW.plus(SECONDS));
            google.tokens.add(token.to_owned(), TokenGrant { principal, scopes, expires });
        }
        google
    }

    fn call(
        google: &Google,
        path: &str,
        authorization: &str,
        now: Timestamp,
    ) -> Result<String, Box<Response>> {
        let mut request = http::Request::get(path).body(Bytes::new()).unwrap();
        if !authorization.is_empty() {
            request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
        }
        let granted = google.registry_grant(&api(), &request, now);
        granted.map(|grant| grant.principal.to_string())
    }

    fn basic(user: &str, password: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    }

    fn token(google: &Google) -> String {
        let response = call(google, TOKEN_PATH, &basic("_token", "reader"), NOW).unwrap_err();
        assert_eq!((response.status, &response.error), (StatusCode::OK, &None));
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["expires_in"], SECONDS);
        format!("Bearer {}", body["token"].as_str().unwrap())
    }

    #[rstest]
    #[case("oauth2accesstoken", "reader", 200)]
    #[case("_token", "reader", 200)]
    #[case("_dcgcloud_token", "reader", 200)]
    #[case("_dcgcr_2_2_1_token", "reader", 200)]
    #[case("_json_key", "reader", 401)]
    #[case("reader@example.com", "reader", 401)]
    #[case("_token", "unknown", 401)]
    #[case("_token", "", 401)]
    #[case("_token", "other", 403)]
    fn token_service_takes_an_access_token_as_password(
        #[case] user: &str,
        #[case] password: &str,
        #[case] status: u16,
    ) {
        let response = call(&google(), TOKEN_PATH, &basic(user, password), NOW).unwrap_err();
        assert_eq!((response.status.as_u16(), response.error.is_some()), (status, status != 200));
    }

    #[rstest]
    #[case("")]
    #[case("Basic !")]
    #[case("Bearer reader")]
    fn token_service_takes_nothing_else(#[case] authorization: &str) {
        let response = call(&google(), TOKEN_PATH, authorization, NOW).unwrap_err();
        assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    }

    #[test]
    fn own_token_and_access_token_open_the_registry_until_they_expire() {
        let google = google();
        for authorization in [token(&google), "Bearer reader".to_owned()] {
            let caller = call(&google, MANIFEST, &authorization, NOW.plus(SECONDS - 1)).unwrap();
            assert_eq!(caller, "user:reader@example.com");
            let late = call(&google, MANIFEST, &authorization, NOW.plus(SECONDS)).unwrap_err();
            assert_eq!(late.status, StatusCode::UNAUTHORIZED);
        }
    }

    #[test]
    fn own_token_opens_no_other_registry() {
        let google = google();
        let authorization = token(&google);
        let request =
            http::Request::get(MANIFEST).header(AUTHORIZATION, authorization).body(Bytes::new()).unwrap();
        let other = EmulatedApi { host: "europe-docker.pkg.dev".to_owned(), ..api() };
        let response = google.registry_grant(&other, &request, NOW).unwrap_err();
        assert_eq!(response.status, StatusCode::FORBIDDEN);
    }

    #[rstest]
    #[case::question(PING_PATH, "", false)]
    #[case::anonymous_pull(MANIFEST, "", true)]
    #[case::unknown_token(PING_PATH, "Bearer unknown", true)]
    #[case::basic_at_an_image(MANIFEST, "Basic X3Rva2VuOnJlYWRlcg==", true)]
    fn caller_without_a_token_is_told_where_to_get_one(
        #[case] path: &str,
        #[case] authorization: &str,
        #[case] is_refusal: bool,
    ) {
        let response = call(&google(), path, authorization, NOW).unwrap_err();
        assert_eq!((response.status, response.error.is_some()), (StatusCode::UNAUTHORIZED, is_refusal));
        let challenge = "Bearer realm=\"https://us-docker.pkg.dev/v2/token\",service=\"us-docker.pkg.dev\"";
        assert_eq!(response.headers[WWW_AUTHENTICATE], challenge);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["errors"][0]["code"], "UNAUTHORIZED");
    }
}
