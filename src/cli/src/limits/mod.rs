//! The `LimitRanges` and `ResourceQuotas` that deny a pod because of Rolebridge's sidecar.
//!
//! The API server applies them after the webhook, so that its message does not say that the sidecar is the reason. Source:
//! `plugin/pkg/admission/limitranger` and `pkg/quota/v1/evaluator/core` of kubernetes/kubernetes 1.35.

mod amount;
mod limit_range;
mod pod;
mod quota;

use serde_json::Value;

use self::limit_range::LimitRange;
use self::pod::PodResources;
use self::quota::ResourceQuota;
use crate::input::ordered_value::OrderedValue;

/// The limits of a namespace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    ranges: Vec<LimitRange>,
    quotas: Vec<ResourceQuota>,
}

impl Limits {
    /// Adds an object, if it is a `LimitRange` or a `ResourceQuota`. Ignores one that the API server would reject.
    pub(crate) fn add(&mut self, kind: &str, value: Value) {
        match kind {
            "LimitRange" => {
                self.ranges.extend(serde_json::from_value(value).ok().map(LimitRange::with_defaults));
            }
            "ResourceQuota" => self.quotas.extend(serde_json::from_value(value)),
            _ => {}
        }
    }

    /// Returns a sentence for each object that denies the injected pod, but not the pod without the sidecar.
    pub(crate) fn findings(&self, before: &OrderedValue, after: &OrderedValue) -> Vec<String> {
        let (Some(mut before), Some(mut after)) = (PodResources::of(before), PodResources::of(after)) else {
            return Vec::new();
        };
        for range in &self.ranges {
            range.apply_defaults(&mut before);
            range.apply_defaults(&mut after);
        }
        let ranges = self.ranges.iter().flat_map(|range| range.findings(&before, &after));
        ranges.chain(self.quotas.iter().filter_map(|quota| quota.finding(&before, &after))).collect()
    }
}

#[cfg(test)]
mod tests;
