//! Charges, and bodies that give way.

use super::*;

const HEAD: usize = REQUEST_BYTES;

fn push(body: &ArrivingBody, bytes: usize) -> Result<(), Exhausted> {
    body.push(vec![b'x'; bytes].into(), 0)
}

/// Returns the charge of a body that has arrived.
fn arrived(budget: &Budget, bytes: usize) -> Result<Charge, Exhausted> {
    let body = budget.begin()?;
    push(&body, bytes)?;
    Ok(body.finish()?.1)
}

fn was_evicted(body: &ArrivingBody) -> bool {
    push(body, 0).is_err()
}

#[test]
fn charge_grows_shrinks_and_is_returned() {
    let budget = Budget::new(HEAD + 100);
    let mut charge = arrived(&budget, 60).unwrap();
    charge.resize(HEAD + 70).unwrap();
    assert_eq!(budget.available(), 30);
    assert!(charge.resize(HEAD + 101).is_err());
    assert_eq!(budget.available(), 30, "unchanged");
    charge.resize(10).unwrap();
    assert_eq!(budget.available(), HEAD + 90);
    drop(charge);
    assert_eq!(budget.available(), HEAD + 100);
}

#[test]
fn body_is_charged_as_it_arrives_and_joined() {
    let budget = Budget::new(HEAD + 100);
    let body = budget.begin().unwrap();
    for part in ["a", "bc", "", "def"] {
        body.push(part.into(), 6).unwrap();
    }
    assert_eq!(budget.available(), 94);
    let (bytes, charge) = body.finish().unwrap();
    assert_eq!((&*bytes, budget.available()), (&b"abcdef"[..], 94));
    drop(charge);
    let body = budget.begin().unwrap();
    push(&body, 50).unwrap();
    body.clear();
    assert_eq!(budget.available(), 100);
    drop(body);
    assert_eq!(budget.available(), HEAD + 100);
}

#[test]
fn large_reviews_leave_a_share_for_small_ones() {
    let budget = Budget::new(16 * SMALL_BYTES);
    let mut large = arrived(&budget, 12 * SMALL_BYTES - HEAD).unwrap();
    assert!(arrived(&budget, SMALL_BYTES).is_err());
    assert!(large.resize(12 * SMALL_BYTES + 1).is_err());
    let small: Vec<_> = (0..4).map(|_| arrived(&budget, SMALL_BYTES - HEAD).unwrap()).collect();
    large.resize(12 * SMALL_BYTES).unwrap();
    assert!(budget.begin().is_err());
    drop(small);
}

#[test]
fn oldest_bodies_give_way_until_there_is_room() {
    let budget = Budget::new(4 * (HEAD + 100));
    let bodies: Vec<_> = (0..4).map(|_| budget.begin().unwrap()).collect();
    for body in &bodies {
        push(body, 100).unwrap();
    }
    let last = budget.begin().unwrap();
    assert!(was_evicted(&bodies[0]) && !was_evicted(&bodies[1]));
    push(&last, HEAD + 150).unwrap();
    assert!(was_evicted(&bodies[1]) && !was_evicted(&bodies[2]));
    push(&bodies[2], 10).unwrap();
    assert!(!was_evicted(&bodies[2]) && !was_evicted(&bodies[3]), "there was room");
    push(&bodies[2], 2 * (HEAD + 100)).unwrap();
    assert!(was_evicted(&bodies[3]), "the oldest one takes from the others");
    drop(bodies);
    drop(last);
    assert_eq!(budget.available(), 4 * (HEAD + 100));
}

#[test]
fn no_body_gives_way_in_vain() {
    let budget = Budget::new(3 * HEAD);
    let mut charge = arrived(&budget, HEAD).unwrap();
    let body = budget.begin().unwrap();
    assert!(charge.resize(3 * HEAD + 1).is_err());
    assert!(!was_evicted(&body));
    charge.resize(3 * HEAD).unwrap();
    assert!(was_evicted(&body));
}

#[test]
fn requests_that_have_given_way_but_not_ended_are_bounded() {
    let budget = Budget::new(HEAD);
    let mut bodies: Vec<_> = (0..=MAX_LEAVING).map(|_| budget.begin().unwrap()).collect();
    assert!(budget.begin().is_err());
    bodies.remove(0);
    assert!(budget.begin().is_ok());
}

#[test]
fn decoding_of_a_small_review_uses_the_share_of_small_ones() {
    let budget = Budget::new(16 * SMALL_BYTES);
    let large = arrived(&budget, 10 * SMALL_BYTES - HEAD).unwrap();
    let small = arrived(&budget, 0).unwrap();
    assert!(large.add(2 * SMALL_BYTES).is_err());
    let decoding = small.add(5 * SMALL_BYTES).unwrap();
    assert!(small.add(SMALL_BYTES).is_err());
    drop(decoding);
    assert!(small.add(SMALL_BYTES).is_ok());
    assert_eq!(budget.available(), 6 * SMALL_BYTES - HEAD);
}

#[test]
fn waiting_reviews_leave_a_share_for_the_others() {
    let budget = Budget::new(6 * HEAD);
    let (one, other) = (arrived(&budget, 0).unwrap(), arrived(&budget, 0).unwrap());
    let waiting = one.wait(HEAD).unwrap();
    assert_eq!(budget.available(), 3 * HEAD);
    assert!(other.wait(1).is_err());
    let _second = other.wait(0).unwrap();
    drop(waiting);
    assert_eq!(budget.available(), 4 * HEAD);
    assert!(one.wait(HEAD).is_ok());
}

#[test]
fn attached_charge_lasts_until_the_last_byte() {
    let budget = Budget::new(HEAD);
    let mut charge = arrived(&budget, 0).unwrap();
    charge.resize(5).unwrap();
    let mut bytes = charge.attach("hello".to_owned());
    let first = bytes.split_to(2);
    drop(bytes);
    assert_eq!((&*first, budget.available()), (&b"he"[..], HEAD - 5));
    drop(first);
    assert_eq!(budget.available(), HEAD);
}
