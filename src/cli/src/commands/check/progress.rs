//! Progress on standard error, on terminals only.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::output::escape;

/// A spinner with a message, which disappears when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// Shows what is being read.
    pub(crate) fn show(&self, message: impl Into<String>) {
        self.0.set_message(escape(&message.into()).into_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
