//! Years in moments, and at every moment the one thing that counts: no API server refuses what a ready replica serves.

use std::time::Duration;

use rstest::rstest;

use super::world::World;
use super::{DAY, policy};

/// Runs until `end`, with whatever `chaos` does before each step.
fn run(world: &mut World, end: Duration, mut chaos: impl FnMut(&mut World)) {
    while world.elapsed < end {
        world.skip(end);
        chaos(world);
        if let Some(which) = world.pass() {
            world.step(which, false);
            world.check();
        }
    }
}

fn two_replicas(seed: u64) -> World {
    let mut world = World::new(policy(), 2, seed);
    world.restart(0, true);
    world.restart(1, false);
    world
}

#[test]
fn it_is_ready_within_seconds_of_its_start() {
    let mut world = two_replicas(1);
    world.stop(1);
    run(&mut world, Duration::from_secs(5), |_| {});
    assert_eq!((world.ready(), world.happened.authorities), (1, 1));
}

#[test]
fn three_years_in_peace() {
    let mut world = two_replicas(2);
    run(&mut world, 3 * 365 * DAY, |_| {});
    let happened = world.happened;
    // A CA every 219 to 243 days, a certificate every 18 to 20 days.
    assert!((5..=6).contains(&happened.authorities), "{happened:?}");
    assert!((54..=66).contains(&happened.certificates), "{happened:?}");
    assert_eq!((happened.longest, world.ready()), (2, 2), "{happened:?}");
}

/// Replicas stop between any two steps, and any number of them leads at a time.
#[rstest]
fn replicas_stop_anywhere(#[values(1, 2, 3, 4, 5, 6)] seed: u64) {
    let mut world = World::new(policy(), 3, seed);
    world.restart(0, true);
    run(&mut world, 300 * DAY, |world| {
        let which = usize::try_from(world.chance.below(3)).unwrap();
        match world.chance.below(60) {
            0 => world.stop(which),
            1..=3 => {
                let leads = world.chance.below(2) == 0;
                world.restart(which, leads);
            }
            4..=7 => world.lead(which, true),
            8..=10 => world.lead(which, false),
            // A long silence in the middle of a step, as of a machine that was asleep.
            11 => world.elapsed += Duration::from_secs(world.chance.below(100)),
            _ => {}
        }
    });
    let happened = world.happened;
    assert!(happened.authorities > 1 && happened.certificates > 12, "{happened:?}");
}

/// People spoil the Secret or a configuration now and then.
#[rstest]
fn people_spoil_things(#[values(1, 2, 3, 4)] seed: u64) {
    let mut world = two_replicas(100 + seed);
    let (mut next, mut spoilt) = (Duration::from_mins(5), 0);
    run(&mut world, 250 * DAY, |world| {
        if world.elapsed < next {
            return;
        }
        assert_eq!(world.ready(), 2, "it has mended itself");
        next = world.elapsed + Duration::from_mins(5) + DAY * u32::try_from(world.chance.below(12)).unwrap();
        spoilt += 1;
        match world.chance.below(6) {
            0 => world.empty(0),
            1 => world.empty(1),
            kind => {
                let keys = ["ca.crt", "ca.key", "tls.crt", "tls.key", "old-ca.json"];
                let junk = (kind % 2 == 0).then_some("junk");
                match world.chance.below(6) {
                    5 => keys.iter().for_each(|key| world.spoil(key, junk)),
                    key => world.spoil(keys[usize::try_from(key).unwrap()], junk),
                }
            }
        }
    });
    assert!(spoilt > 10, "{spoilt}");
    assert_eq!(world.ready(), 2);
}

/// An upgrade that brings a configuration, while the leader is of the old version.
#[test]
fn a_new_replica_does_not_wait_for_an_old_leader() {
    let mut world = World::new(policy(), 3, 10);
    world.start(0, true, 1);
    world.start(1, false, 1);
    run(&mut world, Duration::from_mins(1), |_| {});
    assert_eq!(world.ready(), 2);
    world.start(2, false, 2);
    run(&mut world, Duration::from_mins(2), |_| {});
    assert_eq!(world.ready(), 3);
}

/// A replica that cannot reach the API server goes on with what it has; the CA of that stays in place for it.
#[test]
fn a_replica_that_is_cut_off_is_not_left_behind() {
    let mut world = two_replicas(9);
    run(&mut world, DAY, |_| {});
    let cut_off = |world: &mut World, end| {
        while world.elapsed < end {
            world.skip(end);
            if let Some(which) = world.pass() {
                world.step(which, which == 1);
                world.check();
            }
        }
    };
    cut_off(&mut world, 17 * DAY);
    // Its certificate has not ended yet; the others get a new CA and a new certificate.
    world.spoil("ca.key", None);
    let end = world.elapsed + Duration::from_hours(1);
    cut_off(&mut world, end);
    assert_eq!((world.ready(), world.happened.certificates, world.happened.longest), (2, 1, 2));
}
