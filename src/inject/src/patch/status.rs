//! `rolebridge.io/status`: what was decided, for people and tools that look at the pod. Never read back.

use serde::Serialize;

use crate::Settings;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status<'a> {
    version: &'static str,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account: Option<&'a str>,
    identity: &'a str,
    role: &'a str,
    session_name: &'a str,
    region: &'a str,
    source: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
}

impl<'a> Status<'a> {
    pub(super) fn of(settings: &'a Settings<'_>, warnings: &'a [String]) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            provider: settings.google.provider.value,
            service_account: settings.google.service_account.map(|email| email.value),
            identity: settings.aws.identity.value,
            role: settings.aws.role.value.arn,
            session_name: &settings.aws.session_name.value,
            region: settings.aws.region.value,
            source: settings.sources.value.to_string(),
            warnings,
        }
    }
}
