//! Checks that the other settings of a pod agree with its Google service accounts.

use rolebridge_core::annotations as key;
use rolebridge_core::token_outputs::{self, Output, OutputFile};
use rolebridge_core::token_source::TokenSource;

use super::origin::{Origin, Setting};
use super::precedence::{Precedence, RawSetting};
use super::resolved::Settings;
use crate::denial::Denial;
use crate::reason::Reason;

/// Denies impersonation that neither the app's library nor the sidecar supports, and settings that contradict it.
pub(super) fn check(precedence: &Precedence<'_>, settings: &Settings<'_>) -> Result<(), Denial> {
    check_selected(precedence, settings)?;
    check_delegates(precedence, settings)?;
    check_metadata_host(precedence, settings)?;
    let outputs = settings.outputs.and_then(|outputs| token_outputs::parse(outputs.value).ok());
    outputs.into_iter().flatten().try_for_each(|file| check_output(precedence, settings, &file))
}

/// Denies an exception on the pod for a container that gets no credentials. A service account, a namespace and the defaults
/// apply to many pods, and some of them may skip the container.
fn check_selected(precedence: &Precedence<'_>, settings: &Settings<'_>) -> Result<(), Denial> {
    let Some(Setting { value: accounts, origin: Origin::Pod }) = &settings.google.service_accounts else {
        return Ok(());
    };
    let skipped = precedence.pod.containers().map(|(_, _, container)| container).find(|container| {
        accounts.exception(&container.name).is_some() && !settings.containers.includes(container)
    });
    let Some(container) = skipped else { return Ok(()) };
    let fix = format!(
        "remove the container {}, or change {} or {}",
        &*container.name,
        key::CONTAINERS,
        key::SKIP_CONTAINERS
    );
    deny(precedence, precedence.find(key::SERVICE_ACCOUNT), "containers that get credentials", &fix)
}

fn check_delegates(precedence: &Precedence<'_>, settings: &Settings<'_>) -> Result<(), Denial> {
    let Settings { google, sources, .. } = settings;
    if google.delegates.is_none() {
        return Ok(());
    }
    if google.service_accounts.is_none() {
        let expected = "no value without rolebridge.io/service-account, in which the chain ends";
        let fix = "set rolebridge.io/service-account";
        return deny(precedence, precedence.annotated(key::DELEGATES), expected, fix);
    }
    if !sources.value.in_use().all(TokenSource::is_metadata) {
        let expected = "no value, because the configuration of Google's libraries cannot contain a chain";
        let fix = "set rolebridge.io/source to \"metadata\" for all containers";
        return deny(precedence, precedence.find(key::DELEGATES), expected, fix);
    }
    Ok(())
}

/// Denies several accounts behind one name: programs that know only Google's metadata server know only its port, too.
fn check_metadata_host(precedence: &Precedence<'_>, settings: &Settings<'_>) -> Result<(), Denial> {
    let Settings { google, sources, .. } = settings;
    if !sources.value.uses(TokenSource::MetadataHost) || google.accounts().count() == 1 {
        return Ok(());
    }
    let expected = "one account for all containers, because rolebridge.io/source: \"metadata-host\" is for the whole pod";
    let fix = "set rolebridge.io/source to \"metadata\"";
    deny(precedence, precedence.find(key::SERVICE_ACCOUNT), expected, fix)
}

/// Denies a token file of an account that the pod does not have.
fn check_output(
    precedence: &Precedence<'_>,
    settings: &Settings<'_>,
    file: &OutputFile<'_>,
) -> Result<(), Denial> {
    let accounts = settings.google.service_accounts.as_ref().map(|accounts| &accounts.value);
    let raw = precedence.find(key::OUTPUTS);
    if let Some(container) = file.container {
        if accounts.is_some_and(|accounts| accounts.exception(container).is_some()) {
            return Ok(());
        }
        let expected = "only containers with their own account in rolebridge.io/service-account";
        let fix = format!("set an account for the container {container} there, or remove its outputs here");
        return deny(precedence, raw, expected, &fix);
    }
    let has_account = accounts.is_some_and(|accounts| accounts.default_account().is_some());
    if matches!(file.output, Output::IdToken { .. }) && !has_account {
        let expected = "no ID token without rolebridge.io/service-account, because Google issues ID tokens only to \
                        service accounts";
        let exception = accounts.and_then(|accounts| accounts.exceptions().next());
        let fix = exception.map_or_else(
            || "set rolebridge.io/service-account".to_owned(),
            |(container, _)| {
                format!(
                    "set an account for all containers there, or write {container}.id-token=AUDIENCE here"
                )
            },
        );
        return deny(precedence, raw, expected, &fix);
    }
    Ok(())
}

fn deny(
    precedence: &Precedence<'_>,
    raw: Option<RawSetting<'_>>,
    expected: &str,
    fix: &str,
) -> Result<(), Denial> {
    raw.map_or(Ok(()), |raw| Err(precedence.deny(raw, Reason::BadValue, expected, fix)))
}
