//! How far it has come: a line on standard error, on a terminal only.

use std::time::Duration;

use indicatif::ProgressBar;

/// The line. It goes when this goes.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn begin() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// What is being looked at now.
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.0.set_message(what.into());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
