//! `rolebridge.io/status`: the settings of the injection, for people and tools that inspect the pod. It is never read back.

use serde::Serialize;

use crate::settings::{Aws, Credentials, Settings};

/// The value of the annotation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status<'a> {
    version: &'static str,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account: Option<String>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    sidecar_image: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
}

impl<'a> Status<'a> {
    /// Creates the status. `sidecar_image` is an image that is kept although it is not that of the defaults.
    pub(super) fn new(
        settings: &'a Settings<'_>,
        sidecar_image: Option<&'a str>,
        warnings: &'a [String],
    ) -> Self {
        let Settings { identity, google, aws, sources, outputs, .. } = settings;
        let aws = aws.as_ref();
        // The default is omitted.
        let credentials = aws.map(|aws| &aws.credentials.value);
        let credentials =
            credentials.filter(|credentials| matches!(credentials, Credentials::PodIdentity { .. }));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            provider: google.provider.value.into_str(),
            service_account: google.service_accounts.as_ref().map(|accounts| accounts.value.to_string()),
            delegates: google.delegates.as_ref().map(|chain| &*chain.value),
            identity: identity.value.as_str(),
            aws_credentials: credentials.map(Credentials::as_str),
            role: aws.and_then(Aws::role).map(|role| role.value.into_str()),
            session_name: aws.and_then(Aws::session_name).map(|session| &*session.value),
            region: aws.map(|aws| aws.region.value),
            source: sources.value.to_string(),
            outputs: outputs.map(|files| files.value),
            sidecar_image,
            warnings,
        }
    }
}
