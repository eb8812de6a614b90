//! The exchanges of an injected pod at Google STS, by its settings. The page on operations has the formula.

use std::fmt;

use k8s_openapi::api::core::v1::{Container, Pod};
use rolebridge_core::annotations::CONFIG_FILE;
use rolebridge_core::env::{app, sidecar as name};
use rolebridge_core::google::{self, DEFAULT_UNIVERSE, TOKEN_LIFETIME};
use rolebridge_core::parse;
use rolebridge_core::pod_names::FOLDER;
use rolebridge_core::service_accounts::ServiceAccounts;
use rolebridge_core::token_source::TokenSource;
use serde::{Deserialize, Serialize};

use crate::cluster::pod::{env_value as value, sidecar};

/// Google's quota: exchanges per minute for the project of the pool and an endpoint.
pub(crate) const QUOTA_PER_MINUTE: u64 = 6_000;

const SECONDS_PER_DAY: u64 = 86_400;
/// Libraries renew some minutes early, and lifetimes that are not set are shorter by up to a tenth.
const EARLY_PERCENT: u64 = 117;

/// The scope of a quota: the project of the pool, and an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quota {
    pub(crate) project: String,
    pub(crate) endpoint: String,
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for the project {}", self.endpoint, self.project)
    }
}

/// The exchanges of one pod, if each container is one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Exchanges {
    /// The number of the pool's project, which the quota belongs to.
    pub(crate) project: String,
    /// The endpoints' hosts. The pod uses one of them.
    pub(crate) endpoints: Vec<String>,
    pub(crate) per_day: u64,
}

impl Exchanges {
    /// Returns the exchanges of an injected pod; `None` if it makes none, or if its values are not those of an injection.
    pub(crate) fn of(pod: &Pod) -> Option<Self> {
        let exchanges =
            sidecar(pod).map_or_else(|| Self::without_sidecar(pod), |it| Self::with_sidecar(pod, it));
        exchanges.filter(|exchanges| exchanges.per_day > 0)
    }

    /// Returns the quotas that the pod's exchanges may count against.
    pub(crate) fn quotas(&self) -> impl ExactSizeIterator<Item = Quota> {
        let quota = |endpoint: &String| Quota { project: self.project.clone(), endpoint: endpoint.clone() };
        self.endpoints.iter().map(quota)
    }

    fn with_sidecar(pod: &Pod, sidecar: &Container) -> Option<Self> {
        let lifetime = value(sidecar, name::TOKEN_LIFETIME);
        let caches = if exchanges_itself(sidecar) { accounts(sidecar)? } else { 0 };
        let endpoints = match value(sidecar, name::STS_ENDPOINT) {
            Some(list) => parse::endpoints(list).ok()?.into_iter().map(host).collect(),
            None => {
                vec![default_endpoint(value(sidecar, name::UNIVERSE_DOMAIN).unwrap_or(DEFAULT_UNIVERSE))?]
            }
        };
        Self::new(value(sidecar, name::AUDIENCE)?, endpoints, libraries(pod) + caches, lifetime)
    }

    /// Returns the exchanges of a pod without a sidecar, since the kubelet renews its token. An annotation has the document.
    fn without_sidecar(pod: &Pod) -> Option<Self> {
        let annotations = pod.metadata.annotations.as_ref()?;
        let document = CONFIG_FILE.iter().find_map(|key| annotations.get(*key))?;
        let Document { audience, token_url, service_account_impersonation } =
            serde_json::from_str(document).ok()?;
        let endpoint = parse::endpoint(token_url.strip_suffix("/v1/token")?).ok().map(host)?;
        let lifetime =
            service_account_impersonation.map(|options| options.token_lifetime_seconds.to_string());
        Self::new(audience, vec![endpoint], libraries(pod), lifetime.as_deref())
    }

    fn new(audience: &str, endpoints: Vec<String>, processes: u64, lifetime: Option<&str>) -> Option<Self> {
        let project = parse::audience(audience).ok()?.project_number().to_owned();
        let lifetime = lifetime.map_or(Ok(TOKEN_LIFETIME), parse::token_lifetime).ok()?;
        let per_day = processes * SECONDS_PER_DAY * EARLY_PERCENT / 100 / u64::from(lifetime);
        Some(Self { project, endpoints, per_day })
    }
}

/// The part of an `external_account` document that decides about exchanges.
#[derive(Deserialize)]
struct Document<'a> {
    audience: &'a str,
    token_url: &'a str,
    service_account_impersonation: Option<ImpersonationOptions>,
}

#[derive(Deserialize)]
struct ImpersonationOptions {
    token_lifetime_seconds: u32,
}

fn host(endpoint: &str) -> String {
    endpoint.trim_start_matches("https://").to_owned()
}

fn default_endpoint(universe: &str) -> Option<String> {
    Some(host(&google::endpoint("sts", parse::universe(universe).ok()?)))
}

/// Returns the number of containers with a library that exchanges the subject token by itself.
fn libraries(pod: &Pod) -> u64 {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let has_document = |container: &&Container| {
        value(container, app::CREDENTIALS).is_some_and(|path| path.starts_with(FOLDER))
    };
    containers.filter(has_document).count() as u64
}

/// Returns true if the sidecar exchanges the subject token: for its metadata server, or for token files.
fn exchanges_itself(sidecar: &Container) -> bool {
    let served = value(sidecar, name::SERVE).unwrap_or_default();
    served.split(',').any(|source| source.starts_with(TokenSource::Metadata.as_str()))
        || value(sidecar, name::OUTPUTS).is_some()
}

/// Returns the number of accounts, each with a cache of its own.
fn accounts(sidecar: &Container) -> Option<u64> {
    let Some(list) = value(sidecar, name::SERVICE_ACCOUNT) else { return Some(1) };
    ServiceAccounts::parse(list).ok().map(|accounts| accounts.accounts().len() as u64)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const AUDIENCE: &str = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/aws-pool/\
                            providers/prod";
    const ACCOUNTS: &str = "a@shop.iam.gserviceaccount.com,worker=b@shop.iam.gserviceaccount.com";
    const DOCUMENT: &str = "/var/run/rolebridge/config/loopback.json";
    const OWN: &str = "/etc/key.json";

    fn variables(env: &Value) -> Vec<Value> {
        let entries = env.as_object().unwrap().iter();
        entries.map(|(name, value)| json!({"name": name, "value": value})).collect()
    }

    fn exchanges(sidecar_env: &Value, credentials: &str) -> Option<Exchanges> {
        let mut env = json!({name::AUDIENCE: AUDIENCE});
        for (name, value) in sidecar_env.as_object().unwrap() {
            env[name] = value.clone();
        }
        let app = json!({app::CREDENTIALS: credentials});
        let pod = json!({"spec": {
            "initContainers": [{"name": "rolebridge", "command": ["/rolebridge-sidecar"], "env": variables(&env)}],
            "containers": [{"name": "app", "env": variables(&app)}, {"name": "worker", "env": variables(&app)}],
        }});
        Exchanges::of(&serde_json::from_value(pod).unwrap())
    }

    #[rstest]
    #[case::two_libraries(json!({}), DOCUMENT, 56)]
    #[case::longer_tokens(json!({name::TOKEN_LIFETIME: "7200"}), DOCUMENT, 28)]
    #[case::metadata(json!({name::SERVE: "loopback,metadata"}), OWN, 28)]
    #[case::metadata_host(json!({name::SERVE: "metadata-host"}), OWN, 28)]
    #[case::outputs_of_two_accounts(json!({name::OUTPUTS: "access-token", name::SERVICE_ACCOUNT: ACCOUNTS}), OWN, 56)]
    fn exchanges_depend_on_source_and_lifetime(
        #[case] sidecar: Value,
        #[case] credentials: &str,
        #[case] per_day: u64,
    ) {
        let (project, endpoints) = ("123456789012".to_owned(), vec!["sts.googleapis.com".to_owned()]);
        assert_eq!(exchanges(&sidecar, credentials), Some(Exchanges { project, endpoints, per_day }));
    }

    #[rstest]
    #[case::several(json!({name::STS_ENDPOINT: "https://sts.us-east1.rep.googleapis.com,https://sts.a:8443/"}),
        &["sts.us-east1.rep.googleapis.com", "sts.a:8443"])]
    #[case::of_a_universe(json!({name::UNIVERSE_DOMAIN: "apis.example.com"}), &["sts.apis.example.com"])]
    fn endpoints_are_hosts(#[case] sidecar: Value, #[case] hosts: &[&str]) {
        assert_eq!(exchanges(&sidecar, DOCUMENT).unwrap().endpoints, hosts);
    }

    #[rstest]
    #[case::no_token(json!({}), OWN)]
    #[case::audience(json!({name::AUDIENCE: "forged"}), DOCUMENT)]
    #[case::endpoint(json!({name::STS_ENDPOINT: "forged\u{1b}[2J"}), DOCUMENT)]
    #[case::universe(json!({name::UNIVERSE_DOMAIN: "forged\u{1b}[2J"}), DOCUMENT)]
    #[case::lifetime(json!({name::TOKEN_LIFETIME: "0"}), DOCUMENT)]
    #[case::accounts(json!({name::OUTPUTS: "access-token", name::SERVICE_ACCOUNT: "forged"}), OWN)]
    fn pods_without_exchanges_and_forged_values_are_left_out(
        #[case] sidecar: Value,
        #[case] credentials: &str,
    ) {
        assert_eq!(exchanges(&sidecar, credentials), None);
    }

    #[rstest]
    #[case::an_hour(json!({}), Some(28))]
    #[case::longer_tokens(json!({"service_account_impersonation": {"token_lifetime_seconds": 7200}}), Some(14))]
    #[case::forged_lifetime(json!({"service_account_impersonation": {"token_lifetime_seconds": 0}}), None)]
    #[case::lifetime_below_the_limit(json!({"service_account_impersonation": {"token_lifetime_seconds": 599}}), None)]
    #[case::forged_endpoint(json!({"token_url": "https://sts.googleapis.com\u{1b}[2J/v1/token"}), None)]
    fn pod_without_a_sidecar_has_a_document(#[case] changes: Value, #[case] per_day: Option<u64>) {
        let mut document = json!({"audience": AUDIENCE, "token_url": "https://sts.googleapis.com/v1/token"});
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        let env = variables(&json!({app::CREDENTIALS: "/var/run/rolebridge/config/file.json"}));
        let pod = json!({
            "metadata": {"annotations": {"rolebridge.io/config-file": document.to_string()}},
            "spec": {"containers": [{"name": "app", "env": env}]},
        });
        let exchanges = Exchanges::of(&serde_json::from_value(pod).unwrap());
        assert_eq!(exchanges.map(|exchanges| exchanges.per_day), per_day);
    }
}
