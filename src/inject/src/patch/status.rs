//! `rolebridge.io/status`: what was decided, for people and tools that look at the pod. Never read back.

use rolebridge_core::env::sidecar as name;
use serde::Serialize;

use crate::Settings;
use crate::settings::{Aws, Credentials};
use crate::view::{Container, Env};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status<'a> {
    version: &'static str,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delegates: Option<&'a [&'a str]>,
    identity: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_credentials: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<&'a str>,
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
        let has = |name, decided: Option<&'a str>| {
            let variable = injected.and_then(|sidecar| sidecar.variable(name));
            variable.and_then(Env::literal).filter(|_| decided.is_some()).or(decided)
        };
        let Settings { identity, google, aws, sources, outputs, .. } = settings;
        let aws = aws.as_ref();
        // What is the default need not be said.
        let credentials = aws.map(|aws| &aws.credentials.value);
        let credentials = credentials.filter(|one| matches!(one, Credentials::PodIdentity { .. }));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            provider: google.provider.value.into_str(),
            service_account: google.service_account.map(|email| email.value),
            delegates: google.delegates.as_ref().map(|chain| &*chain.value),
            identity: identity.value.as_str(),
            aws_credentials: credentials.map(Credentials::name),
            role: has(name::AWS_ROLE_ARN, aws.and_then(Aws::role).map(|role| role.value.into_str())),
            session_name: has(
                name::AWS_ROLE_SESSION_NAME,
                aws.and_then(Aws::session_name).map(|session| &*session.value),
            ),
            region: has(name::AWS_REGION, aws.map(|aws| aws.region.value)),
            source: sources.value.to_string(),
            outputs: outputs.map(|files| files.value),
            warnings,
        }
    }
}
