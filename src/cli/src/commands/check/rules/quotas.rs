//! The exchanges of all injected pods, against Google's quotas.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::cluster::exchanges::{QUOTA_PER_MINUTE, Quota};
use crate::commands::check::demand::Demand;
use crate::commands::check::finding::{Check, Finding, Severity};

/// The part of the quota that is left for new pods and retries.
const WARNING_PERCENT: u64 = 80;
/// The maximum number of quotas that are reported, those with most exchanges first. A tenant's pods can name any number of
/// projects.
const MAX_QUOTAS: usize = 10;

pub(super) fn evaluate(demand: &BTreeMap<Quota, Demand>) -> Vec<Finding> {
    let mut demand: Vec<_> = demand.iter().collect();
    if demand.is_empty() {
        return vec![Finding::new(Check::Quotas, Severity::Ok, "Pods", "No pod exchanges tokens.")];
    }
    demand.sort_by_key(|(_, demand)| Reverse(**demand));
    demand.into_iter().take(MAX_QUOTAS).map(|(quota, demand)| finding(quota, *demand)).collect()
}

fn finding(quota: &Quota, demand: Demand) -> Finding {
    let exchanges = demand.per_minute();
    let pods = match demand.pods() {
        1 => "One pod exchanges".to_owned(),
        count => format!("{count} pods exchange"),
    };
    let tokens = if exchanges == 1 { "token" } else { "tokens" };
    let message =
        format!("{pods} about {exchanges} {tokens} per minute. Google allows {QUOTA_PER_MINUTE} at {quota}.");
    if exchanges * 100 <= QUOTA_PER_MINUTE * WARNING_PERCENT {
        return Finding::new(Check::Quotas, Severity::Ok, "Pods", message);
    }
    let message = format!(
        "{message} New pods wait for their first token if others use the quota up. Fix: set rolebridge.io/source to metadata, \
         list more regional endpoints in rolebridge.io/sts-endpoint, or set a longer rolebridge.io/token-lifetime."
    );
    let count = usize::try_from(demand.pods()).unwrap_or(usize::MAX);
    Finding::new(Check::Quotas, Severity::Warning, "Pods", message).about_pods(count)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::cluster::exchanges::Exchanges;
    use crate::commands::check::demand;

    const ONE: &[&str] = &["sts.googleapis.com"];
    const TWO: &[&str] = &["sts.us-east1.rep.googleapis.com", "sts.us-west1.rep.googleapis.com"];

    fn add(all: &mut BTreeMap<Quota, Demand>, project: &str, endpoints: &[&str], count: usize) {
        let endpoints = endpoints.iter().map(ToString::to_string).collect();
        let exchanges = Exchanges { project: project.to_owned(), endpoints, per_day: 28 };
        (0..count).for_each(|_| demand::add(all, &exchanges));
    }

    #[rstest]
    #[case(
        1,
        ONE,
        Severity::Ok,
        "One pod exchanges about 1 token per minute. Google allows 6000 at sts.googleapis.com for"
    )]
    #[case(246_000, ONE, Severity::Ok, "246000 pods exchange about 4784 tokens per minute")]
    #[case(250_000, ONE, Severity::Warning, "Fix: set rolebridge.io/source to metadata")]
    #[case(250_000, TWO, Severity::Ok, "125000 pods exchange about 2431 tokens per minute")]
    fn finding_warns_before_the_quota_is_met(
        #[case] count: usize,
        #[case] endpoints: &[&str],
        #[case] severity: Severity,
        #[case] part: &str,
    ) {
        let mut demand = BTreeMap::new();
        add(&mut demand, "1", endpoints, count);
        let findings = evaluate(&demand);
        assert_eq!(findings.len(), endpoints.len());
        for finding in findings {
            assert_eq!(finding.severity, severity, "{}", finding.message);
            assert!(finding.message.contains(part), "{}", finding.message);
        }
    }

    #[test]
    fn findings_are_few_and_begin_with_the_most_exchanges() {
        let mut demand = BTreeMap::new();
        (100..200).for_each(|project| add(&mut demand, &project.to_string(), ONE, project));
        let findings = evaluate(&demand);
        assert_eq!(findings.len(), MAX_QUOTAS);
        assert!(findings[0].message.starts_with("199 pods"), "{}", findings[0].message);
    }
}
