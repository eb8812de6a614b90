//! The secrets of a request. A service, or a proxy in its place, may quote them in its error response.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use percent_encoding::percent_decode_str;
use rolebridge_core::redact::redact_secrets;

use crate::secret::Secret;
use crate::subject_token::SignedRequest;

/// The fields of a form that contain a token.
const FIELDS: [&str; 3] = ["WebIdentityToken", "subject_token", "token"];

/// The secrets of one request: projected tokens, session tokens, signatures and Google's tokens.
#[derive(Debug, Default)]
pub(super) struct SentSecrets(Vec<Secret>);

impl SentSecrets {
    /// Finds the secrets in a request to AWS or Google.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let mut secrets = Self::default();
        for (name, value) in request.headers() {
            secrets.add_header(name, value);
        }
        let form = request.body().bytes().and_then(|body| std::str::from_utf8(body).ok());
        for (name, value) in
            form.into_iter().flat_map(|form| form.split('&')).filter_map(|pair| pair.split_once('='))
        {
            if FIELDS.contains(&name) {
                secrets.add_token(&percent_decode_str(value).decode_utf8_lossy());
            }
        }
        secrets
    }

    /// Returns the text of a response without the secrets.
    pub(super) fn redact(&self, text: &str) -> String {
        let secrets: Vec<_> = self.0.iter().map(Secret::expose).collect();
        redact_secrets(text, &secrets).into_owned()
    }

    fn add_header(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("authorization") {
            // Only the signature of a signed request is secret.
            let secret = value.rsplit_once("Signature=").map_or(value, |(_, signature)| signature);
            self.0.push(Secret::new(secret.trim_start_matches("Bearer ")));
        } else if name.eq_ignore_ascii_case("x-amz-security-token") {
            self.0.push(Secret::new(value));
        }
    }

    /// Adds a token. Of a signed request, which also contains names of public resources, only the secrets.
    fn add_token(&mut self, token: &str) {
        let Some(signed) = SignedRequest::decode(token) else { return self.0.push(Secret::new(token)) };
        for header in &signed.headers {
            self.add_header(&header.key, &header.value);
        }
    }
}
