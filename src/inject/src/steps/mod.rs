//! Counts steps on unvalidated text, so that tests can check that the work of a decision grows no faster than its input. A
//! time would depend on the machine.
//!
//! Every read of a string of the pod and every comparison of a name in a list is a step. Outside tests nothing is counted.

#[cfg(test)]
mod tests;

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Counts steps of the current thread.
#[cfg(test)]
pub(crate) fn count(steps: usize) {
    STEPS.set(STEPS.get() + steps);
}

/// Does nothing.
#[cfg(not(test))]
#[inline]
pub(crate) const fn count(_steps: usize) {}

/// Returns the steps of some work.
#[cfg(test)]
pub(crate) fn of<T>(work: impl FnOnce() -> T) -> usize {
    let before = STEPS.get();
    work();
    STEPS.get() - before
}
