//! Simulates years of operation. Invariant: no API server ever rejects the certificate of a ready replica.

use std::time::Duration;

use rstest::rstest;

use super::simulated_cluster::SimulatedCluster;
use super::{DAY, policy};

/// Runs until `end`, and calls `disturb` before each step.
fn run(cluster: &mut SimulatedCluster, end: Duration, mut disturb: impl FnMut(&mut SimulatedCluster)) {
    while cluster.elapsed < end {
        cluster.skip_idle_time(end);
        disturb(cluster);
        if let Some(replica) = cluster.advance() {
            cluster.step(replica, false);
            cluster.check();
        }
    }
}

fn two_replicas(seed: u64) -> SimulatedCluster {
    let mut cluster = SimulatedCluster::new(policy(), 2, seed);
    cluster.restart(0, true);
    cluster.restart(1, false);
    cluster
}

#[test]
fn new_replica_is_ready_within_seconds() {
    let mut cluster = two_replicas(1);
    cluster.stop(1);
    run(&mut cluster, Duration::from_secs(5), |_| {});
    assert_eq!((cluster.ready(), cluster.counts.cas), (1, 1));
}

#[test]
fn three_undisturbed_years_renew_on_schedule() {
    let mut cluster = two_replicas(2);
    run(&mut cluster, 3 * 365 * DAY, |_| {});
    let counts = cluster.counts;
    // A CA every 219 to 243 days, a certificate every 18 to 20 days.
    assert!((5..=6).contains(&counts.cas), "{counts:?}");
    assert!((54..=66).contains(&counts.certificates), "{counts:?}");
    assert_eq!((counts.max_published, cluster.ready()), (2, 2), "{counts:?}");
}

/// Replicas stop between any two steps, and any number of them leads at a time.
#[rstest]
fn restarts_and_multiple_leaders_keep_the_invariant(#[values(1, 2, 3, 4, 5, 6)] seed: u64) {
    let mut cluster = SimulatedCluster::new(policy(), 3, seed);
    cluster.restart(0, true);
    run(&mut cluster, 300 * DAY, |cluster| {
        let replica = usize::try_from(cluster.random.below(3)).unwrap();
        match cluster.random.below(60) {
            0 => cluster.stop(replica),
            1..=3 => {
                let leads = cluster.random.below(2) == 0;
                cluster.restart(replica, leads);
            }
            4..=7 => cluster.set_leader(replica, true),
            8..=10 => cluster.set_leader(replica, false),
            // A long pause in the middle of a step, as of a suspended machine.
            11 => cluster.elapsed += Duration::from_secs(cluster.random.below(100)),
            _ => {}
        }
    });
    let counts = cluster.counts;
    assert!(counts.cas > 1 && counts.certificates > 12, "{counts:?}");
}

/// Users corrupt the Secret or a configuration from time to time.
#[rstest]
fn corrupted_objects_are_repaired(#[values(1, 2, 3, 4)] seed: u64) {
    let mut cluster = two_replicas(100 + seed);
    let (mut next, mut corrupted) = (Duration::from_mins(5), 0);
    run(&mut cluster, 250 * DAY, |cluster| {
        if cluster.elapsed < next {
            return;
        }
        assert_eq!(cluster.ready(), 2, "both replicas have recovered");
        next =
            cluster.elapsed + Duration::from_mins(5) + DAY * u32::try_from(cluster.random.below(12)).unwrap();
        corrupted += 1;
        match cluster.random.below(6) {
            0 => cluster.empty_bundle(0),
            1 => cluster.empty_bundle(1),
            kind => {
                let keys = ["ca.crt", "ca.key", "tls.crt", "tls.key", "old-ca.json"];
                let junk = (kind % 2 == 0).then_some("junk");
                match cluster.random.below(6) {
                    5 => keys.iter().for_each(|key| cluster.corrupt(key, junk)),
                    key => cluster.corrupt(keys[usize::try_from(key).unwrap()], junk),
                }
            }
        }
    });
    assert!(corrupted > 10, "{corrupted}");
    assert_eq!(cluster.ready(), 2);
}

/// An upgrade that adds a configuration, while the leader still runs the old version.
#[test]
fn new_replica_with_an_old_leader_becomes_ready() {
    let mut cluster = SimulatedCluster::new(policy(), 3, 10);
    cluster.start(0, true, 1);
    cluster.start(1, false, 1);
    run(&mut cluster, Duration::from_mins(1), |_| {});
    assert_eq!(cluster.ready(), 2);
    cluster.start(2, false, 2);
    run(&mut cluster, Duration::from_mins(2), |_| {});
    assert_eq!(cluster.ready(), 3);
}

/// A replica that cannot reach the API server keeps serving its certificate, so the CA of that stays published.
#[test]
fn disconnected_replica_stays_trusted() {
    let mut cluster = two_replicas(9);
    run(&mut cluster, DAY, |_| {});
    let run_disconnected = |cluster: &mut SimulatedCluster, end| {
        while cluster.elapsed < end {
            cluster.skip_idle_time(end);
            if let Some(replica) = cluster.advance() {
                cluster.step(replica, replica == 1);
                cluster.check();
            }
        }
    };
    run_disconnected(&mut cluster, 17 * DAY);
    // Its certificate has not expired yet; the other replica gets a new CA and a new certificate.
    cluster.corrupt("ca.key", None);
    let end = cluster.elapsed + Duration::from_hours(1);
    run_disconnected(&mut cluster, end);
    assert_eq!((cluster.ready(), cluster.counts.certificates, cluster.counts.max_published), (2, 1, 2));
}
