//! The sidecar's startup probe.

use rolebridge_core::pod_names::{PROBE_TIMEOUT_SECONDS, READY_COMMAND};
use serde::Serialize;

use crate::view;

/// A startup probe by a command.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Probe {
    exec: Exec,
    period_seconds: u32,
    timeout_seconds: u8,
    failure_threshold: i32,
}

#[derive(Serialize)]
struct Exec {
    command: &'static [&'static str],
}

/// The startup probe. The period is the kubelet's minimum, and `ready --wait` blocks up to the timeout, so the app starts as
/// soon as the token exists. The threshold never kills the sidecar, because a restart does not fix an external error.
pub(super) const PROBE: Probe = Probe {
    exec: Exec { command: READY_COMMAND },
    period_seconds: 1,
    timeout_seconds: PROBE_TIMEOUT_SECONDS,
    failure_threshold: i32::MAX,
};

impl Probe {
    /// Returns true if the container's probe is this one. Fields that the API server sets to a default are ignored.
    pub(super) fn is_equal(&self, found: &view::Probe<'_>) -> bool {
        found.command().iter().map(|word| &**word).eq(self.exec.command.iter().copied())
            && found.period_seconds == Some(self.period_seconds.into())
            && found.timeout_seconds == Some(self.timeout_seconds.into())
            && found.failure_threshold == Some(self.failure_threshold.into())
            && found.initial_delay_seconds.unwrap_or_default() == 0
            && found.success_threshold.unwrap_or(1) == 1
    }
}
