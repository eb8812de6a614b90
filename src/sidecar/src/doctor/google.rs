//! The steps at Google.

use rolebridge_core::diagnostics::{Evidence, Step};
use rolebridge_core::identity::Identity;
use rolebridge_core::service_accounts::AccountNumber;

use super::aws::PresentedToken;
use super::pod_checks::span;
use super::recorder::{Aborted, Recorder};
use crate::error::Failure;
use crate::google::{GoogleClient, TokenProvider};
use crate::http::request::host;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::settings::{IdentitySettings, Impersonation, Settings};
use crate::token_kind::TokenKind;

pub(super) async fn tokens(
    settings: &Settings,
    presented: &PresentedToken,
    sign: bool,
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
        let account = Account { number, impersonation, expected_principal: expected_principal.clone(), sign };
        // A failure of one account says nothing about the next.
        result = result.and(impersonate(&client, &federated, account, settings, recorder).await);
    }
    if sign && settings.google.accounts.iter().all(Option::is_none) {
        recorder.fail(Step::Signing, no_signer());
    }
    result
}

fn no_signer() -> Failure {
    let message =
        "expected a service account, because direct access has no key to sign with, found none".to_owned();
    let remediation =
        "set the annotation rolebridge.io/service-account, and grant the account the right to sign as itself";
    Failure { message, remediation: Some(remediation.to_owned()) }
}

/// A service account to try.
struct Account<'a> {
    number: AccountNumber,
    impersonation: &'a Impersonation,
    expected_principal: Option<String>,
    /// True to sign as the account.
    sign: bool,
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
    Account { number, impersonation: account, expected_principal, sign }: Account<'_>,
    settings: &Settings,
    recorder: &mut Recorder<'_>,
) -> Result<(), Aborted> {
    let evidence = Evidence {
        service_account: Some(account.email.clone()),
        delegates: account.delegates.clone(),
        expected_principal,
        ..Evidence::default()
    };
    let access_token = match client.access_token(federated, &Scopes::cloud_platform()).await {
        Ok(token) => {
            let message = format!("access token of {} expires in {}", account.email, span(token.expires_in));
            let expires_in_seconds = Some(token.expires_in.as_secs());
            recorder.ok(Step::Impersonation, message, Evidence { expires_in_seconds, ..evidence.clone() });
            token.secret
        }
        Err(error) => return Err(recorder.abort(Step::Impersonation, &error, evidence)),
    };
    let id_token = id_token(client, federated, number, evidence.clone(), settings, recorder).await;
    // Signing needs no ID token.
    let signed = if sign { signature(client, &access_token, evidence, recorder).await } else { Ok(()) };
    id_token.and(signed)
}

/// Signs as the service account with its own access token, as libraries do.
async fn signature(
    client: &GoogleClient,
    access_token: &Secret,
    evidence: Evidence,
    recorder: &mut Recorder<'_>,
) -> Result<(), Aborted> {
    match client.try_signing(access_token).await {
        Ok(()) => {
            let account = evidence.service_account.as_deref().unwrap_or_default();
            recorder.ok(Step::Signing, format!("{account} signs as itself"), evidence);
            Ok(())
        }
        Err(error) => Err(recorder.abort(Step::Signing, &error, evidence)),
    }
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
