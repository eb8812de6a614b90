//! The calls of all injected pods, against Google's quota.

use crate::commands::check::collect_pods::PodCollection;
use crate::commands::check::demand::{Demand, QuotaKey};
use crate::commands::check::finding::{Check, Finding, Severity};

/// Google's quota: exchanges per minute for the project of the pool and an endpoint.
const EXCHANGES_PER_MINUTE: u64 = 6_000;
/// The part of the quota that is left for new pods and retries.
const WARNING_PERCENT: u64 = 80;

pub(super) fn evaluate(pods: &PodCollection) -> Vec<Finding> {
    let demand = &pods.summary.demand;
    if demand.is_empty() {
        return vec![Finding::new(Check::Quotas, Severity::Ok, "Pods", "No pod has a sidecar.")];
    }
    demand.iter().map(|(key, demand)| finding(key, *demand)).collect()
}

fn finding(key: &QuotaKey, demand: Demand) -> Finding {
    let (exchanges, quota) = (demand.exchanges_per_minute(), EXCHANGES_PER_MINUTE * key.endpoints());
    let pods = match demand.pods {
        1 => "One pod with a sidecar exchanges".to_owned(),
        count => format!("{count} pods with a sidecar exchange"),
    };
    let tokens = if exchanges == 1 { "token" } else { "tokens" };
    let endpoints = match key.endpoints() {
        1 => String::new(),
        count => format!(" with {count} endpoints"),
    };
    let message = format!(
        "{pods} about {exchanges} {tokens} per minute. Google allows {quota} for the project {}{endpoints}.",
        key.project,
    );
    if exchanges * 100 <= quota * WARNING_PERCENT {
        return Finding::new(Check::Quotas, Severity::Ok, "Pods", message);
    }
    let message = format!(
        "{message} New pods wait for their first token if others use the quota up. Fix: set rolebridge.io/source to metadata, \
         list more regional endpoints in rolebridge.io/sts-endpoint, or set a longer rolebridge.io/token-lifetime."
    );
    Finding::new(Check::Quotas, Severity::Warning, "Pods", message).about_pods(demand.pods)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::commands::check::demand;

    #[test]
    fn finding_warns_before_the_quota_is_met() {
        let endpoints = "https://sts.us-east1.rep.googleapis.com,https://sts.us-west1.rep.googleapis.com";
        // Each pod exchanges 1.17 times in an hour.
        for (pods, sts_endpoint, severity, part) in [
            (1, "", Severity::Ok, "One pod with a sidecar exchanges about 1 token per minute"),
            (246_000, "", Severity::Ok, "246000 pods with a sidecar exchange about 4784 tokens per minute"),
            (250_000, "", Severity::Warning, "Fix: set rolebridge.io/source to metadata"),
            (250_000, endpoints, Severity::Ok, "Google allows 12000 for the project 1 with 2 endpoints"),
        ] {
            let audience =
                "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/prod";
            let pod = json!({"spec": {
                "initContainers": [{"name": "rolebridge", "command": ["/rolebridge-sidecar"], "env": [
                    {"name": "ROLEBRIDGE_AUDIENCE", "value": audience},
                    {"name": "ROLEBRIDGE_STS_ENDPOINT", "value": sts_endpoint},
                    {"name": "ROLEBRIDGE_SERVE", "value": "metadata"},
                ]}],
                "containers": [{"name": "app"}],
            }});
            let (pod, mut all) = (serde_json::from_value(pod).unwrap(), BTreeMap::new());
            (0..pods).for_each(|_| demand::add(&mut all, &pod));
            let (key, demand) = all.into_iter().next().unwrap();
            let finding = finding(&key, demand);
            assert_eq!(finding.severity, severity, "{}", finding.message);
            assert!(finding.message.contains(part), "{}", finding.message);
        }
    }
}
