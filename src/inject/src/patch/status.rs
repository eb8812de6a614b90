//! `rolebridge.io/status`: the settings of the injection, for people and tools that inspect the pod. It is never read back.

use rolebridge_core::env::sidecar as name;
use serde::Serialize;

use crate::settings::{Aws, Credentials, Settings};
use crate::view::{Container, Env};

/// The value of the annotation.
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
    /// Creates the status. The values of an existing sidecar win over settings that a later webhook has changed.
    pub(super) fn new(
        settings: &'a Settings<'_>,
        existing_sidecar: Option<&'a Container<'_>>,
        warnings: &'a [String],
    ) -> Self {
        let effective = |name, resolved: Option<&'a str>| {
            let variable = existing_sidecar.and_then(|sidecar| sidecar.variable(name));
            variable.and_then(Env::literal).filter(|_| resolved.is_some()).or(resolved)
        };
        let Settings { identity, google, aws, sources, outputs, .. } = settings;
        let aws = aws.as_ref();
        // The default is omitted.
        let credentials = aws.map(|aws| &aws.credentials.value);
        let credentials =
            credentials.filter(|credentials| matches!(credentials, Credentials::PodIdentity { .. }));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            provider: google.provider.value.into_str(),
            service_account: google.service_account.map(|email| email.value),
            delegates: google.delegates.as_ref().map(|chain| &*chain.value),
            identity: identity.value.as_str(),
            aws_credentials: credentials.map(Credentials::as_str),
            role: effective(name::AWS_ROLE_ARN, aws.and_then(Aws::role).map(|role| role.value.into_str())),
            session_name: effective(
                name::AWS_ROLE_SESSION_NAME,
                aws.and_then(Aws::session_name).map(|session| &*session.value),
            ),
            region: effective(name::AWS_REGION, aws.map(|aws| aws.region.value)),
            source: sources.value.to_string(),
            outputs: outputs.map(|files| files.value),
            warnings,
        }
    }
}
