//! The steps inside the pod: the settings, the published token, the projected token.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rolebridge_core::diagnostics::{Evidence, Step};
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::identity::Identity;
use rolebridge_core::service_accounts::AccountNumber;

use super::recorder::{Aborted, Recorder};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::publish::Publisher;
use crate::settings::{AwsCredentials, IdentitySettings, IdentitySource, Settings};
use crate::status_file::{check_ready, unix_seconds};
use crate::{config_files, jwt, projected_token as token_file};

pub(super) fn settings(settings: &Settings, recorder: &mut Recorder<'_>) {
    let Settings { identity, google, .. } = settings;
    let accounts = || google.accounts.iter().flatten().map(|account| account.email.as_str());
    let is_direct = google.account(AccountNumber::DEFAULT).is_none();
    let direct = is_direct.then(|| "direct access of the principal".to_owned());
    let emails: Vec<_> = accounts().collect();
    let impersonated = (!emails.is_empty()).then(|| format!("impersonates {}", emails.join(" and ")));
    let access: Vec<_> = direct.into_iter().chain(impersonated).collect();
    let access = access.join(", ");
    let (kind, provider) = (identity.kind.as_str(), &identity.provider.name);
    let has_file = settings.config_files.iter().any(|config| config.kind == ConfigKind::File);
    let remark = unsupported_libraries(identity.kind, has_file);
    let message = format!("identity {kind}, provider {provider}, {access}{remark}");
    let evidence = Evidence {
        identity: Some(kind.to_owned()),
        provider: Some(provider.to_string()),
        service_account: accounts().next().map(str::to_owned),
        ..Evidence::default()
    };
    recorder.ok(Step::Settings, message, evidence);
}

/// Returns a remark about libraries that do not support the source and identity. Tools on them may report another cause.
fn unsupported_libraries(identity: Identity, has_file: bool) -> &'static str {
    if has_file && identity == Identity::AwsRole {
        "; the libraries of Python, Ruby and gcloud do not support the source file with this identity"
    } else {
        ""
    }
}

/// Checks the token and the configuration that `run` has published in the same pod.
pub(super) fn published_token(settings: &Settings, recorder: &mut Recorder<'_>) {
    let publisher = Publisher::new(settings.token_file.clone());
    let (status, now) = (publisher.status(), SystemTime::now());
    let valid_until = status.as_ref().and_then(|status| status.valid_until);
    let ready = check_ready(status.as_ref(), publisher.has_token(), now);
    match ready.and_then(|()| config_files::check_content(settings, &publisher)) {
        Ok(()) => {
            let remaining = valid_until.unwrap_or_default().saturating_sub(unix_seconds(now));
            let file = publisher.token_file().display();
            let message = format!("{file}, expires in {}", span(Duration::from_secs(remaining)));
            let evidence = Evidence { expires_in_seconds: Some(remaining), ..Evidence::default() };
            recorder.ok(Step::Published, message, evidence);
        }
        Err(failure) => recorder.warn(Step::Published, failure, Evidence::default()),
    }
}

pub(super) fn projected_token(
    settings: &Settings,
    clock: &Clock,
    recorder: &mut Recorder<'_>,
) -> Result<(), Aborted> {
    let file = projected_token_file(&settings.identity);
    let token = match token_file::read(file) {
        Ok(token) => token,
        Err(error) => return Err(recorder.abort(Step::ProjectedToken, &error, Evidence::default())),
    };
    let claims = jwt::claims(token.expose()).unwrap_or_default();
    let evidence = Evidence {
        issuer: claims.issuer,
        audiences: claims.audiences.into(),
        subject: claims.subject,
        ..Evidence::default()
    };
    let expires = jwt::expires(token.expose());
    match expires.map(|expires| expires.duration_since(clock.local())) {
        // Only a warning: the services that accept the token decide by their own clocks, which are correct.
        Some(Err(_)) => {
            let stale = Error::new(ErrorKind::TokenStale, file.display().to_string());
            recorder.warn_of_error(Step::ProjectedToken, &stale, evidence);
        }
        Some(Ok(remaining)) => {
            let message = format!("{}, expires in {}", describe(&evidence), span(remaining));
            let evidence = Evidence { expires_in_seconds: Some(remaining.as_secs()), ..evidence };
            recorder.ok(Step::ProjectedToken, message, evidence);
        }
        None => recorder.ok(Step::ProjectedToken, describe(&evidence), evidence),
    }
    Ok(())
}

fn describe(evidence: &Evidence) -> String {
    let Evidence { issuer, audiences, subject, .. } = evidence;
    let [issuer, subject] = [issuer, subject].map(|claim| claim.as_deref().unwrap_or("none"));
    format!("issuer {issuer}, audience {}, subject {subject}", audiences.join(", "))
}

/// Returns the projected token's file, which the kubelet writes.
fn projected_token_file(identity: &IdentitySettings) -> &Path {
    match &identity.source {
        IdentitySource::Aws(aws) => match &aws.credentials {
            AwsCredentials::WebIdentity(role) => &role.token_file,
            AwsCredentials::PodIdentity(agent) => &agent.authorization_file,
        },
        IdentitySource::Kubernetes { token_file } => token_file,
    }
}

/// Formats a duration by its two largest units.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(2);
    let largest = parts.iter().skip(first).take(2).filter(|(count, _)| *count > 0);
    let texts: Vec<_> = largest.map(|(count, unit)| format!("{count} {unit}")).collect();
    if texts.is_empty() { "0 s".to_owned() } else { texts.join(" ") }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Identity::AwsRole, true, true)]
    #[case(Identity::AwsRole, false, false)]
    #[case(Identity::AwsJwt, true, false)]
    #[case(Identity::Kubernetes, true, false)]
    fn unsupported_libraries_are_named_for_a_role_with_a_file(
        #[case] identity: Identity,
        #[case] has_file: bool,
        #[case] expected: bool,
    ) {
        assert_eq!(unsupported_libraries(identity, has_file).contains("Python, Ruby and gcloud"), expected);
    }

    #[rstest]
    #[case(0, "0 s")]
    #[case(59, "59 s")]
    #[case(60, "1 min")]
    #[case(100, "1 min 40 s")]
    #[case(3600, "1 h")]
    #[case(3605, "1 h")]
    #[case(86_399, "23 h 59 min")]
    fn span_has_the_two_largest_units(#[case] seconds: u64, #[case] text: &str) {
        assert_eq!(span(Duration::from_secs(seconds)), text);
    }
}
