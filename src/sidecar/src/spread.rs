//! The differences between the pods of a cluster, so that they do not call Google together.
//!
//! Google's libraries renew a token some minutes before its end, without jitter. With one lifetime, pods that started together
//! would exchange together, and again once in that lifetime. The sidecar cannot delay a library. But it writes the library's
//! configuration, so it can give each pod a lifetime of its own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use rolebridge_core::google::{MIN_POD_TOKEN_LIFETIME, TOKEN_LIFETIME};

/// Returns the lifetime in whole seconds that a pod's library requests if none is set: 54 to 60 minutes. A restarted container
/// gets the same, so its documents do not change.
#[must_use]
pub fn token_lifetime(pod: &str) -> Duration {
    let span = f64::from(TOKEN_LIFETIME - MIN_POD_TOKEN_LIFETIME);
    let lifetime = Duration::from_secs_f64(f64::from(TOKEN_LIFETIME) - span * share("lifetime", pod));
    Duration::from_secs(lifetime.as_secs())
}

/// Returns the pod's item of a list: of several endpoints, each with a quota of its own.
///
/// # Panics
/// Panics if the list is empty.
#[must_use]
pub fn choose<'a, T>(pod: &str, items: &'a [T]) -> &'a T {
    &items[hash("endpoint", pod) as usize % items.len()]
}

/// Returns a number from 0 to 1 for a pod, evenly over the pods of a cluster.
fn share(purpose: &str, pod: &str) -> f64 {
    f64::from(hash(purpose, pod)) / f64::from(u32::MAX)
}

/// Returns a number for a pod that is independent of the numbers for other purposes.
fn hash(purpose: &str, pod: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    (purpose, pod).hash(&mut hasher);
    (hasher.finish() >> u32::BITS) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_of_pods_of_one_workload_are_spread_evenly() {
        let mut buckets = [0_u32; 6];
        for number in 0..6000 {
            let lifetime = token_lifetime(&format!("batch-{number}"));
            assert!((3240..=3600).contains(&lifetime.as_secs()), "{lifetime:?}");
            assert_eq!(lifetime, Duration::from_secs(lifetime.as_secs()), "whole seconds");
            buckets[((lifetime.as_secs() - 3240) / 60).min(5) as usize] += 1;
        }
        assert!(buckets.iter().all(|count| (850..=1150).contains(count)), "{buckets:?}");
    }

    #[test]
    fn endpoints_are_used_evenly_and_with_each_lifetime() {
        let endpoints = ["a", "b", "c"];
        let mut pods = [(0_u32, 0_u64); 3];
        for number in 0..6000 {
            let pod = format!("batch-{number}");
            let chosen = choose(&pod, &endpoints);
            assert_eq!(chosen, choose(&pod, &endpoints));
            let (count, seconds) = &mut pods[endpoints.iter().position(|name| name == chosen).unwrap()];
            *count += 1;
            *seconds += token_lifetime(&pod).as_secs();
        }
        for (count, seconds) in pods {
            assert!((1850..=2150).contains(&count), "{pods:?}");
            assert!((3400..=3440).contains(&(seconds / u64::from(count))), "{pods:?}");
        }
    }

    #[test]
    fn lifetime_of_a_pod_stays() {
        assert_eq!(token_lifetime("batch-7d9f4-x2x8v"), token_lifetime("batch-7d9f4-x2x8v"));
        assert_ne!(token_lifetime("batch-7d9f4-x2x8v"), token_lifetime("batch-7d9f4-k9k2p"));
    }
}
