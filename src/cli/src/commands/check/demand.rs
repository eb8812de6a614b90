//! The exchanges of injected pods at Google STS, by the settings of their sidecars. The page on operations has the formula.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod};
use rolebridge_core::env::{app, sidecar as name};
use rolebridge_core::parse;
use rolebridge_core::pod_names::FOLDER;
use rolebridge_core::service_accounts::ServiceAccounts;
use rolebridge_core::token_source::TokenSource;

use crate::cluster::pod::sidecar;

const SECONDS_PER_DAY: u64 = 86_400;
const MINUTES_PER_DAY: u64 = 1_440;
/// The lifetime of a Google token in seconds, unless it is set.
const TOKEN_LIFETIME: u64 = 3_600;
/// Libraries renew some minutes early, and lifetimes that are not set are shorter by up to a tenth.
const EARLY_PERCENT: u64 = 117;

/// The scope of a quota of Google STS: the project of the pool, and the endpoints, by the text of the setting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QuotaKey {
    pub(crate) project: String,
    endpoints: String,
}

impl QuotaKey {
    /// Returns the number of endpoints, each with a quota of its own.
    pub(crate) fn endpoints(&self) -> u64 {
        parse::endpoints(&self.endpoints).map_or(1, |endpoints| endpoints.len() as u64)
    }
}

/// The exchanges of pods on a day, if each container is one process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) pods: usize,
    exchanges: u64,
}

impl Demand {
    /// Returns the exchanges at Google STS in a minute, rounded up.
    pub(crate) const fn exchanges_per_minute(self) -> u64 {
        self.exchanges.div_ceil(MINUTES_PER_DAY)
    }

    fn add(&mut self, other: Self) {
        self.pods += other.pods;
        self.exchanges += other.exchanges;
    }
}

/// Adds the calls of a pod with a sidecar.
pub(crate) fn add(all: &mut BTreeMap<QuotaKey, Demand>, pod: &Pod) {
    let Some(sidecar) = sidecar(pod) else { return };
    let Some(provider) = value(sidecar, name::AUDIENCE).and_then(|text| parse::audience(text).ok()) else {
        return;
    };
    let endpoints = value(sidecar, name::STS_ENDPOINT).unwrap_or_default().to_owned();
    let key = QuotaKey { project: provider.project_number().to_owned(), endpoints };
    all.entry(key).or_default().add(of_pod(pod, sidecar));
}

fn of_pod(pod: &Pod, sidecar: &Container) -> Demand {
    let lifetime = value(sidecar, name::TOKEN_LIFETIME).and_then(|text| parse::token_lifetime(text).ok());
    let lifetime = lifetime.map_or(TOKEN_LIFETIME, u64::from);
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let libraries = containers.filter(|container| has_document(container)).count() as u64;
    let caches = if exchanges_itself(sidecar) { accounts(sidecar) } else { 0 };
    Demand { pods: 1, exchanges: (libraries + caches) * SECONDS_PER_DAY * EARLY_PERCENT / 100 / lifetime }
}

/// Returns true if a library in the container exchanges the subject token by itself.
fn has_document(container: &Container) -> bool {
    value(container, app::CREDENTIALS).is_some_and(|path| path.starts_with(FOLDER))
}

/// Returns true if the sidecar exchanges the subject token: for its metadata server, or for token files.
fn exchanges_itself(sidecar: &Container) -> bool {
    let served = value(sidecar, name::SERVE).unwrap_or_default();
    served.split(',').any(|source| source.starts_with(TokenSource::Metadata.as_str()))
        || value(sidecar, name::OUTPUTS).is_some()
}

/// Returns the number of accounts, each with a cache of its own.
fn accounts(sidecar: &Container) -> u64 {
    let list = value(sidecar, name::SERVICE_ACCOUNT).and_then(|text| ServiceAccounts::parse(text).ok());
    list.map_or(1, |accounts| accounts.accounts().len() as u64)
}

fn value<'a>(container: &'a Container, name: &str) -> Option<&'a str> {
    let variable = container.env.iter().flatten().find(|variable| variable.name == name)?;
    variable.value.as_deref().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const AUDIENCE: &str = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/aws-pool/\
                            providers/prod";

    fn demand(sidecar_env: &Value, app_env: &Value) -> Option<(QuotaKey, Demand)> {
        let variables = |env: &Value| -> Vec<Value> {
            let entries = env.as_object().unwrap().iter();
            entries.map(|(name, value)| json!({"name": name, "value": value})).collect()
        };
        let mut env = json!({name::AUDIENCE: AUDIENCE});
        for (name, value) in sidecar_env.as_object().unwrap() {
            env[name] = value.clone();
        }
        let pod = serde_json::from_value(json!({"spec": {
            "initContainers": [{"name": "rolebridge", "command": ["/rolebridge-sidecar"], "env": variables(&env)}],
            "containers": [
                {"name": "app", "env": variables(app_env)},
                {"name": "worker", "env": variables(app_env)},
            ],
        }}));
        let mut all = BTreeMap::new();
        (0..1000).for_each(|_| add(&mut all, pod.as_ref().unwrap()));
        all.into_iter().next()
    }

    #[test]
    fn demand_depends_on_source_and_lifetime() {
        let document = json!({app::CREDENTIALS: "/var/run/rolebridge/config/loopback.json"});
        let own = json!({app::CREDENTIALS: "/etc/key.json"});
        let accounts = "a@shop.iam.gserviceaccount.com,worker=b@shop.iam.gserviceaccount.com";
        for (sidecar, app, exchanges) in [
            (json!({}), &document, 39),
            (json!({name::TOKEN_LIFETIME: "7200"}), &document, 20),
            (json!({}), &own, 0),
            (json!({name::SERVE: "loopback,metadata"}), &own, 20),
            (json!({name::SERVE: "metadata-host"}), &own, 20),
            (json!({name::OUTPUTS: "access-token", name::SERVICE_ACCOUNT: accounts}), &own, 39),
        ] {
            let (key, demand) = demand(&sidecar, app).unwrap();
            assert_eq!((&*key.project, key.endpoints(), demand.pods), ("123456789012", 1, 1000));
            assert_eq!(demand.exchanges_per_minute(), exchanges, "{sidecar} {app}");
        }
    }

    #[test]
    fn endpoints_are_counted_and_an_unknown_audience_is_left_out() {
        let list = "https://sts.us-east1.rep.googleapis.com,https://sts.us-west1.rep.googleapis.com";
        let (key, _) = demand(&json!({name::STS_ENDPOINT: list}), &json!({})).unwrap();
        assert_eq!(key.endpoints(), 2);
        assert_eq!(demand(&json!({name::AUDIENCE: "forged"}), &json!({})), None);
    }
}
