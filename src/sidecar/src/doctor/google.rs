//! The hops at Google.

use rolebridge_core::diagnostics::{Evidence, Step};

use super::aws::Shown;
use super::local::span;
use super::walk::{Stopped, Walk};
use crate::google::{Google, Mint};
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::settings::{Impersonation, Settings};
use crate::tokens::Kind;

pub(super) async fn tokens(settings: &Settings, shown: &Shown, walk: &mut Walk<'_>) -> Result<(), Stopped> {
    let identity = &settings.identity;
    let google = Google::of(settings);
    let evidence = Evidence {
        provider: Some(identity.provider.name.to_string()),
        issuer: shown.issuer.clone(),
        subject: shown.subject.clone(),
        host: Some(crate::call::host(&settings.google.sts_endpoint)),
        ..Evidence::default()
    };
    let federated = match google.exchange(&shown.token, &Scopes::cloud_platform()).await {
        Ok(token) => {
            walk.ok(
                Step::GoogleSts,
                format!("takes it; the federated token lives {}", span(token.lives)),
                evidence,
            );
            token.secret
        }
        Err(fault) => return Err(walk.stop(Step::GoogleSts, &fault, evidence)),
    };
    let principal = principal(&google, &federated, settings, shown, walk).await;
    match &settings.google.impersonation {
        Some(account) => impersonate(&google, &federated, account, principal, settings, walk).await,
        None => Ok(()),
    }
}

/// Google says whom it sees to whoever holds the token; if it does not, its own mapping tells.
async fn principal(
    google: &Google,
    federated: &Secret,
    settings: &Settings,
    shown: &Shown,
    walk: &mut Walk<'_>,
) -> Option<String> {
    let of = |principal: &str| Evidence { principal: Some(principal.to_owned()), ..Evidence::default() };
    let why = match google.principal(federated).await {
        Ok(principal) => {
            walk.ok(Step::Principal, principal.clone(), of(&principal));
            return Some(principal);
        }
        Err(fault) => fault,
    };
    let provider = &settings.identity.provider;
    let pool = provider.audience.split("/providers/").next().unwrap_or_default();
    let guess = shown.subject.as_ref().map(|subject| format!("principal:{pool}/subject/{subject}"));
    match &guess {
        Some(guess) => {
            let message =
                format!("{guess}, if the provider maps google.subject as Google does by itself ({why})");
            walk.ok(Step::Principal, message, of(guess));
        }
        None => walk.warn_of(Step::Principal, &why, Evidence::default()),
    }
    guess
}

async fn impersonate(
    google: &Google,
    federated: &Secret,
    account: &Impersonation,
    principal: Option<String>,
    settings: &Settings,
    walk: &mut Walk<'_>,
) -> Result<(), Stopped> {
    let evidence = Evidence {
        service_account: Some(account.email.clone()),
        delegates: account.delegates.clone(),
        principal,
        ..Evidence::default()
    };
    match google.access_token(federated, &Scopes::cloud_platform()).await {
        Ok(token) => {
            let message = format!("{}'s access token lives {}", account.email, span(token.lives));
            let lives = Some(token.lives.as_secs());
            walk.ok(Step::Impersonation, message, Evidence { expires_in_seconds: lives, ..evidence.clone() });
        }
        Err(fault) => return Err(walk.stop(Step::Impersonation, &fault, evidence)),
    }
    id_token(google, federated, evidence, settings, walk).await
}

/// Most apps want none, so that a refusal counts where the settings ask for one.
async fn id_token(
    google: &Google,
    federated: &Secret,
    evidence: Evidence,
    settings: &Settings,
    walk: &mut Walk<'_>,
) -> Result<(), Stopped> {
    let wanted = settings.outputs.iter().find_map(|output| match &output.kind {
        Kind::Id { audience, .. } => Some(audience.clone()),
        _ => None,
    });
    let audience = wanted.clone().unwrap_or_else(|| settings.identity.provider.token_audience());
    let evidence = Evidence { audiences: vec![audience.clone()], ..evidence };
    match google.id_token(federated, &audience, true).await {
        Ok(token) => {
            let message = format!("for {audience}, lives {}", span(token.lives));
            walk.ok(Step::IdToken, message, evidence);
            Ok(())
        }
        Err(fault) if wanted.is_some() => Err(walk.stop(Step::IdToken, &fault, evidence)),
        Err(fault) => {
            walk.warn_of(Step::IdToken, &fault, evidence);
            Ok(())
        }
    }
}
