//! The exchanges of all injected pods at Google STS, by the quota that they count against.

use std::collections::BTreeMap;

use crate::cluster::exchanges::{Exchanges, Quota};

/// The number of equal parts that a pod's exchanges are counted in. Each number of endpoints that a pod may list divides it.
const PARTS: u64 = 840;
const MINUTES_PER_DAY: u64 = 1_440;

/// The exchanges of pods against one quota, ordered by their number. A pod with several endpoints counts in equal parts against
/// each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Demand {
    daily_parts: u64,
    pod_parts: u64,
}

impl Demand {
    /// Returns the number of pods, rounded up.
    pub(crate) const fn pods(self) -> u64 {
        self.pod_parts.div_ceil(PARTS)
    }

    /// Returns the exchanges in a minute, rounded up.
    pub(crate) const fn per_minute(self) -> u64 {
        self.daily_parts.div_ceil(PARTS * MINUTES_PER_DAY)
    }
}

/// Adds the exchanges of a pod.
pub(crate) fn add(all: &mut BTreeMap<Quota, Demand>, exchanges: &Exchanges) {
    let quotas = exchanges.quotas();
    let parts = PARTS / quotas.len() as u64;
    for quota in quotas {
        let demand = all.entry(quota).or_default();
        demand.pod_parts += parts;
        demand.daily_parts += parts * exchanges.per_day;
    }
}

#[cfg(test)]
mod tests {
    use rolebridge_core::parse::MAX_ENDPOINTS;

    use super::*;

    #[test]
    fn every_number_of_endpoints_divides_the_parts() {
        assert!((1..=MAX_ENDPOINTS as u64).all(|count| PARTS.is_multiple_of(count)));
    }

    #[test]
    fn pods_with_different_lists_share_the_quota_of_an_endpoint() {
        let mut all = BTreeMap::new();
        for endpoints in [&["sts.a", "sts.b"][..], &["sts.b"]] {
            let endpoints = endpoints.iter().map(ToString::to_string).collect();
            let exchanges = Exchanges { project: "1".to_owned(), endpoints, per_day: 28 };
            (0..1000).for_each(|_| add(&mut all, &exchanges));
        }
        let quotas: Vec<_> = all
            .iter()
            .map(|(quota, demand)| (quota.to_string(), demand.pods(), demand.per_minute()))
            .collect();
        assert_eq!(
            quotas,
            [("sts.a for the project 1".into(), 500, 10), ("sts.b for the project 1".into(), 1500, 30)]
        );
    }
}
