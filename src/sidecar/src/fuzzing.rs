//! The only access of the fuzz targets in `tests/fuzz` that is not public otherwise: the responses of AWS and Google.
//!
//! Compiled with `--cfg fuzzing` alone, so that no other build can replace the network.

use std::sync::{Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::SharedHttpConnector;

static CONNECTOR: Mutex<Option<SharedHttpConnector>> = Mutex::new(None);

/// Sends all further requests to `connector` instead of the network. Its responses pass the same guard.
pub fn replace_network(connector: SharedHttpConnector) {
    *CONNECTOR.lock().unwrap_or_else(PoisonError::into_inner) = Some(connector);
}

/// Returns the replacement of the network, if there is one.
pub(crate) fn network() -> Option<SharedHttpConnector> {
    CONNECTOR.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
