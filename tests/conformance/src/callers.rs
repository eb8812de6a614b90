//! The principals that called Google, from the fakes' events.

use std::collections::BTreeSet;

use rolebridge_fake_clouds::{Detail, Event};

use crate::client::Reads;
use crate::result_cell::Access;

/// Returns the principal that read the data, or the reason why there is none.
pub(crate) fn reader(events: &[Event], reads: Reads) -> Result<String, String> {
    let reader = events.iter().rev().find_map(|event| match (&event.detail, reads) {
        _ if event.error.is_some() => None,
        (Detail::ObjectRead { principal, .. }, Reads::Object)
        | (Detail::TableRead { principal, .. }, Reads::Table)
        | (Detail::SignedUrlUsed { principal, .. }, Reads::SignedUrl)
        | (Detail::ServiceInvoked { principal, .. }, Reads::Service)
        | (Detail::IapPassed { principal, .. }, Reads::Application) => Some(principal.clone()),
        _ => None,
    });
    reader.ok_or_else(|| "no call of Google".to_owned())
}

/// Returns the principal of all calls of Google's APIs: exactly one, as expected.
pub(crate) fn only_caller(events: &[Event], access: Access) -> Result<String, String> {
    let accepted = events.iter().filter(|event| event.error.is_none());
    let callers: BTreeSet<_> = accepted.filter_map(|event| caller(&event.detail)).collect();
    match callers.iter().collect::<Vec<_>>()[..] {
        [caller] if access.is_principal(caller) => Ok((*caller).to_owned()),
        [] => Err("no call of Google".to_owned()),
        _ => Err(format!("Google was called by {callers:?}, expected {} access", access.name())),
    }
}

/// Returns the principal of a call of one of Google's APIs.
pub(crate) fn caller(detail: &Detail) -> Option<&str> {
    match detail {
        Detail::ObjectRead { principal, .. }
        | Detail::TableRead { principal, .. }
        | Detail::BlobSigned { principal, .. }
        | Detail::EmulatorCalled { principal, .. } => Some(principal),
        _ => None,
    }
}
