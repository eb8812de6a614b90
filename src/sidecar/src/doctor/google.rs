//! The steps at Google.

use rolebridge_core::diagnostics::{Evidence, Step};
use rolebridge_core::identity::Identity;
use rolebridge_core::service_accounts::AccountNumber;

use super::aws::PresentedToken;
use super::pod_checks::span;
use super::recorder::{Aborted, Recorder};
use crate::google::{GoogleClient, TokenProvider};
use crate::http::request::host;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::settings::{IdentitySettings, Impersonation, Settings};
use crate::token_kind::TokenKind;

pub(super) async fn tokens(
    settings: &Settings,
    presented: &PresentedToken,
    recorder: &mut Recorder<'_>,
) -> Result<(), Aborted> {
    let identity = &settings.identity;
    let client = GoogleClient::new(settings, AccountNumber::DEFAULT);
    let evidence = Evidence {
        provider: Some(identity.provider.name.to_string()),
        issuer: presented.issuer.clone(),
        subject: presented.subject.clone(),
        host: Some(host(&settings.google.sts_endpoint)),
        ..Evidence::default()
    };
    let federated = match client.exchange(&presented.token, &Scopes::cloud_platform()).await {
        Ok(token) => {
            let message =
                format!("subject token accepted; federated token expires in {}", span(token.expires_in));
            recorder.ok(Step::GoogleSts, message, evidence);
            token.secret
        }
        Err(error) => return Err(recorder.abort(Step::GoogleSts, &error, evidence)),
    };
    let expected_principal = principal(settings, presented, recorder);
    let mut result = Ok(());
    for (number, account) in settings.google.numbered_accounts() {
        let Some(impersonation) = account else { continue };
        let client = GoogleClient::new(settings, number);
        let account = Account { number, impersonation, expected_principal: expected_principal.clone() };
        // A failure of one account says nothing about the next.
        result = result.and(impersonate(&client, &federated, account, settings, recorder).await);
    }
    result
}

/// A service account to try.
struct Account<'a> {
    number: AccountNumber,
    impersonation: &'a Impersonation,
    expected_principal: Option<String>,
}

/// Returns the principal that Google is expected to authenticate. Google names it only to clients that authenticate
/// themselves with an OAuth client's secret, which the sidecar does not have.
fn principal(settings: &Settings, presented: &PresentedToken, recorder: &mut Recorder<'_>) -> Option<String> {
    let Some(subject) = &presented.subject else {
        // Only AWS knows the caller.
        recorder.skip(Step::Principal, Step::AwsSts);
        return None;
    };
    let IdentitySettings { kind, provider, .. } = &settings.identity;
    let pool = provider.audience.split("/providers/").next().unwrap_or_default();
    let principal = format!("principal:{pool}/subject/{subject}");
    let condition = match kind {
        Identity::AwsRole => "has Google's default attribute mapping",
        Identity::AwsJwt | Identity::Kubernetes => "maps google.subject to assertion.sub",
    };
    let message = format!("expected {principal}, if the provider {condition}");
    let evidence = Evidence { expected_principal: Some(principal.clone()), ..Evidence::default() };
    recorder.ok(Step::Principal, message, evidence);
    Some(principal)
}

async fn impersonate(
    client: &GoogleClient,
    federated: &Secret,
    Account { number, impersonation: account, expected_principal }: Account<'_>,
    settings: &Settings,
    recorder: &mut Recorder<'_>,
) -> Result<(), Aborted> {
    let evidence = Evidence {
        service_account: Some(account.email.clone()),
        delegates: account.delegates.clone(),
        expected_principal,
        ..Evidence::default()
    };
    match client.access_token(federated, &Scopes::cloud_platform()).await {
        Ok(token) => {
            let message = format!("access token of {} expires in {}", account.email, span(token.expires_in));
            let expires_in_seconds = Some(token.expires_in.as_secs());
            recorder.ok(Step::Impersonation, message, Evidence { expires_in_seconds, ..evidence.clone() });
        }
        Err(error) => return Err(recorder.abort(Step::Impersonation, &error, evidence)),
    }
    id_token(client, federated, number, evidence, settings, recorder).await
}

/// Requests an ID token. Most apps need none, so an error is a failure only if the settings include one.
async fn id_token(
    client: &GoogleClient,
    federated: &Secret,
    number: AccountNumber,
    evidence: Evidence,
    settings: &Settings,
    recorder: &mut Recorder<'_>,
) -> Result<(), Aborted> {
    let mut token_files = settings.token_files.iter().filter(|token_file| token_file.account == number);
    let required = token_files.find_map(|token_file| match &token_file.kind {
        TokenKind::Id { audience, .. } => Some(audience.clone()),
        _ => None,
    });
    let audience = required.clone().unwrap_or_else(|| settings.identity.provider.token_audience());
    let evidence = Evidence { audiences: vec![audience.clone()], ..evidence };
    match client.id_token(federated, &audience).await {
        Ok(token) => {
            let message = format!("audience {audience}, expires in {}", span(token.expires_in));
            recorder.ok(Step::IdToken, message, evidence);
            Ok(())
        }
        Err(error) if required.is_some() => Err(recorder.abort(Step::IdToken, &error, evidence)),
        Err(error) => {
            recorder.warn_of_error(Step::IdToken, &error, evidence);
            Ok(())
        }
    }
}
