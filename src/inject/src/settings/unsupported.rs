//! What the sidecar of this version cannot do yet: refused by name rather than half done.

use rolebridge_contract::annotations as key;

use super::Settings;
use super::places::Places;
use crate::{Reason, Refusal};

/// Refuses it.
pub(super) fn check(places: &Places<'_>, settings: &Settings<'_>) -> Result<(), Refusal> {
    match places.find(key::OUTPUTS).filter(|_| settings.outputs.is_some()) {
        None => Ok(()),
        Some(found) => {
            let end = "is not supported yet; let the app's Google library make the tokens that it needs";
            Err(places.refuse(found, Reason::NotSupported, end))
        }
    }
}
