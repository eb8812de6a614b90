//! Background tasks, and what happens if one panics.
//!
//! A panic in a request loses that request: [`crate::http::connection`] responds with status 500. A panic in a
//! background task ends the process, and the kubelet restarts it. A replica that no longer maintains its caches or
//! certificate would fail later and without a reason.

use std::any::Any;
use std::backtrace::Backtrace;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process;

use futures::FutureExt;
use tokio::task::JoinHandle;
use tracing::error;

/// Exit code after a panic, as of Rust's own runtime.
const PANIC_EXIT_CODE: i32 = 101;

/// Logs each panic as one line, with its place. Rust's own message has several lines and is not JSON.
pub(crate) fn log_panics() {
    panic::set_hook(Box::new(log_panic));
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    error!(location, %backtrace, "panic: {}", message(info.payload()));
}

/// Starts a task that lives as long as the process. If it panics, the process ends.
pub(crate) fn spawn(name: &'static str, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(supervise(name, task, || process::exit(PANIC_EXIT_CODE)))
}

async fn supervise(name: &'static str, task: impl Future<Output = ()>, on_panic: impl FnOnce()) {
    if AssertUnwindSafe(task).catch_unwind().await.is_err() {
        error!(task = name, "background task panicked; the process ends");
        on_panic();
    }
}

/// Returns the message of a panic.
fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::finished(false)]
    #[case::panicked(true)]
    #[tokio::test]
    async fn supervise_acts_on_a_panic_alone(#[case] panics: bool) {
        let mut acted = false;
        supervise("test", async { assert!(!panics, "deliberate") }, || acted = true).await;
        assert_eq!(acted, panics);
    }

    #[test]
    fn message_of_a_panic_is_its_text() {
        let caught = |panics: fn()| panic::catch_unwind(panics).unwrap_err();
        assert_eq!(message(&*caught(|| panic!("static"))), "static");
        assert_eq!(message(&*caught(|| panic!("{} formatted", 1))), "1 formatted");
        assert_eq!(message(&*caught(|| panic::panic_any(1))), "no message");
    }
}
