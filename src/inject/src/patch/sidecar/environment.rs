//! The sidecar's environment variables, which hold the resolved settings.

use std::borrow::Cow;

use rolebridge_core::aws::CredentialsSource;
use rolebridge_core::env::sidecar as name;
use rolebridge_core::google::{self, DEFAULT_UNIVERSE};
use rolebridge_core::identity::Identity;
use rolebridge_core::pod_names::{AWS_TOKEN_FILE, CA_FILE, IDENTITY_TOKEN_FILE, TOKEN_FILE};
use rolebridge_core::service_accounts::AccountNumber;
use rolebridge_core::token_source::TokenSource;

use crate::patch::env::Variable;
use crate::reinvocation::ConfigCarrier;
use crate::settings::{Aws, Credentials, Setting, Settings};

/// Returns the variables of a sidecar that writes the configurations, or of one that does not.
pub(super) fn environment<'a>(settings: &'a Settings<'_>, configs: ConfigCarrier) -> Vec<Variable<'a>> {
    let Settings { identity, google, aws, sidecar, .. } = settings;
    let mut env = Vec::with_capacity(20);
    match identity.value {
        Identity::AwsRole => {}
        Identity::AwsJwt => env.push(Variable::new(name::IDENTITY, identity.value.as_str())),
        Identity::Kubernetes => {
            env.push(Variable::new(name::IDENTITY, identity.value.as_str()));
            env.push(Variable::new(name::IDENTITY_TOKEN_FILE, IDENTITY_TOKEN_FILE));
        }
    }
    if let Some(aws) = aws {
        add_aws(&mut env, aws);
    }
    env.extend(sidecar.ca_bundle.map(|_| Variable::new(name::AWS_CA_BUNDLE, CA_FILE)));
    if let Some(proxy) = &sidecar.https_proxy {
        env.push(Variable::new(name::HTTPS_PROXY, &*proxy.value));
        env.extend(sidecar.no_proxy.map(|hosts| Variable::new(name::NO_PROXY, hosts.value)));
    }
    env.push(Variable::new(name::AUDIENCE, google::audience(google.provider.value.as_str())));
    if google.universe.value != DEFAULT_UNIVERSE {
        env.push(Variable::new(name::UNIVERSE_DOMAIN, google.universe.value));
    }
    env.push(Variable::new(name::TOKEN_FILE, TOKEN_FILE));
    if configs == ConfigCarrier::Sidecar {
        let documents = settings.sources.value.documents();
        env.extend(
            documents.map(|kind| Variable::new(kind.variable(), kind.config_path(AccountNumber::DEFAULT))),
        );
    }
    add_server(&mut env, settings);
    add_google(&mut env, settings);
    env.extend(sidecar.metrics_port.map(|port| number(name::METRICS_PORT, port.value.into())));
    env.extend(sidecar.startup_timeout.map(|seconds| number(name::STARTUP_TIMEOUT, seconds.value.into())));
    env.push(Variable::new(name::LOG_LEVEL, sidecar.log_level.value));
    env
}

fn number(name: &'static str, number: u64) -> Variable<'static> {
    Variable::new(name, number.to_string())
}

fn add_aws<'a>(env: &mut Vec<Variable<'a>>, aws: &'a Aws<'_>) {
    match &aws.credentials.value {
        Credentials::Irsa { role, session_name } => {
            env.push(Variable::new(name::AWS_ROLE_ARN, role.value.into_str()));
            env.push(Variable::new(name::AWS_ROLE_SESSION_NAME, &*session_name.value));
            env.push(Variable::new(name::AWS_WEB_IDENTITY_TOKEN_FILE, AWS_TOKEN_FILE));
        }
        Credentials::PodIdentity { uri } => {
            env.push(Variable::new(name::AWS_CREDENTIALS, CredentialsSource::PodIdentity.as_str()));
            env.push(Variable::new(name::AWS_CONTAINER_CREDENTIALS_FULL_URI, *uri));
            env.push(Variable::new(name::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, AWS_TOKEN_FILE));
        }
    }
    env.push(Variable::new(name::AWS_REGION, aws.region.value));
    env.extend(aws.sts_endpoint.map(|endpoint| Variable::new(name::AWS_ENDPOINT_URL_STS, endpoint.value)));
}

/// Adds the settings of the server on 127.0.0.1. The served protocols are omitted if only `loopback` is in use.
fn add_server(env: &mut Vec<Variable<'_>>, settings: &Settings<'_>) {
    if !settings.has_server() {
        return;
    }
    env.push(number(name::LOOPBACK_PORT, settings.sidecar.port.value.into()));
    let sources = &settings.sources.value;
    if sources.uses_metadata() {
        let served: Vec<_> =
            sources.in_use().filter(|source| source.needs_server()).map(TokenSource::as_str).collect();
        env.push(Variable::new(name::SERVE, served.join(",")));
    }
}

/// Adds the Google settings. If the app's library uses them, the sidecar needs them only for `doctor`.
fn add_google<'a>(env: &mut Vec<Variable<'a>>, settings: &'a Settings<'_>) {
    let Settings { google, outputs, .. } = settings;
    env.extend(outputs.map(|files| Variable::new(name::OUTPUTS, files.value)));
    if let Some(accounts) = &google.service_accounts {
        env.push(Variable::new(name::SERVICE_ACCOUNT, accounts.value.to_string()));
        env.extend(
            google.delegates.as_ref().map(|chain| Variable::new(name::DELEGATES, chain.value.join(","))),
        );
        let lifetime = google.explicit_token_lifetime();
        env.extend(lifetime.map(|seconds| number(name::TOKEN_LIFETIME, seconds.into())));
    }
    let text = |setting: Option<Setting<&'a str>>| setting.map(|setting| Cow::Borrowed(setting.value));
    let sts_endpoints = google.sts_endpoints.as_ref().map(|setting| setting.value.join(",").into());
    let optional = [
        (name::PROJECT, text(google.project)),
        (name::QUOTA_PROJECT, text(google.quota_project)),
        (name::STS_ENDPOINT, sts_endpoints),
        (name::IAM_CREDENTIALS_ENDPOINT, text(google.iam_credentials_endpoint)),
    ];
    env.extend(optional.into_iter().filter_map(|(name, value)| Some(Variable::new(name, value?))));
}
