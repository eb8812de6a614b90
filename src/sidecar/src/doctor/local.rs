//! The hops inside the pod: the settings, what is published, the projected token.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rolebridge_core::diagnostics::{Evidence, Step};

use super::walk::{Stopped, Walk};
use crate::clock::Clock;
use crate::fault::{Fault, Reason};
use crate::publish::Publisher;
use crate::settings::{AwsCredentials, Identity, Proof, Settings};
use crate::{json_web_token, state, web_identity};

pub(super) fn settings(settings: &Settings, walk: &mut Walk<'_>) {
    let Settings { identity, google, .. } = settings;
    let account = google.impersonation.as_ref().map(|account| account.email.clone());
    let becomes = account.as_ref().map_or_else(
        || "the principal itself is granted access".to_owned(),
        |email| format!("impersonates {email}"),
    );
    let (kind, provider) = (identity.kind.as_str(), &identity.provider.name);
    let message = format!("identity {kind}, provider {provider}, {becomes}");
    let evidence = Evidence {
        identity: Some(kind.to_owned()),
        provider: Some(provider.to_string()),
        service_account: account,
        ..Evidence::default()
    };
    walk.ok(Step::Settings, message, evidence);
}

/// What `run` has done so far, in the same pod.
pub(super) fn published(settings: &Settings, walk: &mut Walk<'_>) {
    let publisher = Publisher::new(settings.token_file.clone());
    let (state, now) = (publisher.state(), SystemTime::now());
    let good_until = state.as_ref().and_then(|state| state.good_until);
    match state::ready(state.as_ref(), publisher.has_token(), now) {
        Ok(()) => {
            let left = good_until.unwrap_or_default().saturating_sub(state::unix_seconds(now));
            let file = publisher.token_file().display();
            let message = format!("{file} holds one that is good for {}", span(Duration::from_secs(left)));
            walk.ok(
                Step::Published,
                message,
                Evidence { expires_in_seconds: Some(left), ..Evidence::default() },
            );
        }
        Err(why) => walk.warn(Step::Published, why, Evidence::default()),
    }
}

pub(super) fn projected_token(
    settings: &Settings,
    clock: &Clock,
    walk: &mut Walk<'_>,
) -> Result<(), Stopped> {
    let file = file(&settings.identity);
    let token = match web_identity::read(file) {
        Ok(token) => token,
        Err(fault) => return Err(walk.stop(Step::ProjectedToken, &fault, Evidence::default())),
    };
    let claims = json_web_token::claims(token.expose()).unwrap_or_default();
    let evidence = Evidence {
        issuer: claims.issuer,
        audiences: claims.audiences.into(),
        subject: claims.subject,
        ..Evidence::default()
    };
    let expires = json_web_token::expires(token.expose());
    match expires.map(|expires| expires.duration_since(clock.local())) {
        // Whether it has expired is for those to say who take it: their clocks are right.
        Some(Err(_)) => {
            let stale = Fault::new(Reason::TokenStale, file.display().to_string());
            walk.warn_of(Step::ProjectedToken, &stale, evidence);
        }
        Some(Ok(left)) => {
            let message = format!("{}, expires in {}", described(&evidence), span(left));
            walk.ok(
                Step::ProjectedToken,
                message,
                Evidence { expires_in_seconds: Some(left.as_secs()), ..evidence },
            );
        }
        None => walk.ok(Step::ProjectedToken, described(&evidence), evidence),
    }
    Ok(())
}

fn described(evidence: &Evidence) -> String {
    let or = |value: &Option<String>| value.clone().unwrap_or_else(|| "nobody".to_owned());
    let audiences = evidence.audiences.join(", ");
    format!("of {}, for {audiences}, names {}", or(&evidence.issuer), or(&evidence.subject))
}

/// What the pod proves itself by, from the kubelet.
fn file(identity: &Identity) -> &Path {
    match &identity.proof {
        Proof::Aws(aws) => match &aws.credentials {
            AwsCredentials::WebIdentity(role) => &role.token_file,
            AwsCredentials::PodIdentity(agent) => &agent.authorization_file,
        },
        Proof::Kubernetes { token_file } => token_file,
    }
}

/// A length of time, for people: its two largest units.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(2);
    let shown = parts.iter().skip(first).take(2).filter(|(count, _)| *count > 0);
    let shown: Vec<_> = shown.map(|(count, unit)| format!("{count} {unit}")).collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "0 s")]
    #[case(59, "59 s")]
    #[case(60, "1 min")]
    #[case(100, "1 min 40 s")]
    #[case(3600, "1 h")]
    #[case(3605, "1 h")]
    #[case(86_399, "23 h 59 min")]
    fn a_span_has_two_units(#[case] seconds: u64, #[case] shown: &str) {
        assert_eq!(span(Duration::from_secs(seconds)), shown);
    }
}
