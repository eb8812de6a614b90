//! Which certificate a replica serves: the Secret's, as soon as API servers take it.

use super::policy::Policy;
use super::published::{Moment, Published};
use crate::certificates::Pair;

/// Whether to serve this one instead of the one that is served. The leader signs with a CA only when it has been
/// published for long enough, so this is yes at once as a rule; it is not after a Secret came back from a backup.
#[must_use]
pub fn is_better(
    next: &Pair,
    served: Option<&Pair>,
    published: &Published,
    moment: Moment,
    policy: &Policy,
) -> bool {
    let Some(served) = served else { return true };
    if served.chain() == next.chain() {
        return false;
    }
    let (name, delay) = (policy.server_name(), policy.publish_delay);
    let at_once = std::time::Duration::ZERO;
    published.takes(next, &name, delay, moment) || !published.takes(served, &name, at_once, moment)
}
