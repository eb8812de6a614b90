//! Guards against the responses of services and proxies: limits their size, and removes the secrets of the request from
//! error responses. Every response passes it before it is read, so that no error can quote a secret.

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};

use super::sent_secrets::SentSecrets;

/// Maximum size of a response body. Tokens have up to a few kilobytes, error responses less.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// A connector. Its responses are in memory and safe to quote.
#[derive(Debug)]
pub(super) struct ResponseGuard(pub(super) SharedHttpConnector);

impl HttpConnector for ResponseGuard {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let secrets = SentSecrets::of(&request);
        let response = self.0.call(request);
        HttpConnectorFuture::new(async move { read(response.await?, &secrets).await })
    }
}

async fn read(mut response: HttpResponse, secrets: &SentSecrets) -> Result<HttpResponse, ConnectorError> {
    let body = Limited::new(response.take_body(), MAX_RESPONSE_BYTES).collect().await;
    let body = body.map_err(|error| ConnectorError::other(error, None))?.to_bytes();
    *response.body_mut() = match response.status().as_u16() {
        200 => SdkBody::from(body),
        _ => SdkBody::from(secrets.redact(&String::from_utf8_lossy(&body))),
    };
    Ok(response)
}
