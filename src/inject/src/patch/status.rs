//! `rolebridge.io/status`: what was decided, for people and tools that look at the pod. Never read back.

use rolebridge_contract::environment::sidecar as name;
use serde::Serialize;

use crate::Settings;
use crate::view::Container;

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
    /// What was decided. A sidecar that is in the pod already is what it is, whatever a later webhook has made of the
    /// settings since.
    pub(super) fn of(
        settings: &'a Settings<'_>,
        injected: Option<&'a Container<'_>>,
        warnings: &'a [String],
    ) -> Self {
        let has = |name, decided| {
            let variable = injected.and_then(|sidecar| sidecar.variable(name));
            variable.and_then(|variable| variable.literal()).unwrap_or(decided)
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            provider: settings.google.provider.value,
            service_account: settings.google.service_account.map(|email| email.value),
            identity: settings.aws.identity.value,
            role: has(name::AWS_ROLE_ARN, settings.aws.role.value.arn),
            session_name: has(name::AWS_ROLE_SESSION_NAME, &settings.aws.session_name.value),
            region: has(name::AWS_REGION, settings.aws.region.value),
            source: settings.sources.value.to_string(),
            warnings,
        }
    }
}
