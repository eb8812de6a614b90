//! A child process: collects its output, stops it by its process ID, and kills it when dropped.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::{Context, Error, Result};

/// Output of a process so far, standard output and standard error together.
#[derive(Debug, Clone)]
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Log {
    fn new() -> Self {
        Self { lines: Arc::default(), count: Arc::new(watch::Sender::new(0)) }
    }

    fn push(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
        self.count.send_replace(lines.len());
    }

    /// Returns every line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns every line, joined.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// Waits for the first line at or after index `from` that matches, and returns it with the index of the next line.
    ///
    /// # Errors
    /// Returns an error after `timeout`.
    pub async fn wait_for_line(
        &self,
        from: usize,
        timeout: Duration,
        matches: impl Fn(&str) -> bool,
    ) -> Result<(String, usize)> {
        let mut count = self.count.subscribe();
        let found = async {
            let mut next = from;
            loop {
                let lines = self.lines();
                for (index, line) in lines.iter().enumerate().skip(next) {
                    if matches(line) {
                        return (line.clone(), index + 1);
                    }
                }
                next = lines.len();
                // The sender is in `self`, so this cannot fail.
                let _ = count.wait_for(|written| *written > next).await;
            }
        };
        tokio::time::timeout(timeout, found)
            .await
            .map_err(|_| Error::new(format!("no matching line within {timeout:?}; output:\n{}", self.text())))
    }
}

/// A child process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Log,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command` and collects its output.
    ///
    /// # Errors
    /// Returns an error if the program cannot be started.
    pub fn start(name: impl Into<String>, mut command: Command) -> Result<Self> {
        let name = name.into();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context(format_args!("start {name} ({})", command.as_std().get_program().display()))?;
        let log = Log::new();
        let readers = [
            child.stdout.take().map(|out| tokio::spawn(collect(out, log.clone()))),
            child.stderr.take().map(|err| tokio::spawn(collect(err, log.clone()))),
        ];
        Ok(Self { name, child, log, readers: readers.into_iter().flatten().collect() })
    }

    /// Returns the name passed to [`Process::start`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the process ID, or `None` after the exited process was waited for.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Returns the output so far.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// Returns the exit status if the process has exited.
    ///
    /// # Errors
    /// Returns an error if the system call fails.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context(&self.name)
    }

    /// Waits until the process has exited and its output is read.
    ///
    /// # Errors
    /// Returns an error if the process still runs after `timeout`.
    pub async fn wait(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let status = tokio::time::timeout(timeout, self.child.wait())
            .await
            .map_err(|_| Error::new(format!("{} still runs after {timeout:?}", self.name)))?
            .context(&self.name)?;
        for reader in self.readers.drain(..) {
            // A grandchild may hold the pipe open, so this wait is bounded.
            let _ = tokio::time::timeout(Duration::from_secs(1), reader).await;
        }
        Ok(status)
    }

    /// Sends SIGTERM, as the kubelet does, and waits for the exit.
    ///
    /// # Errors
    /// Returns an error if the process still runs after `timeout`.
    pub async fn terminate(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let pid = self.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).context(format_args!("terminate {}", self.name))?;
        }
        self.wait(timeout).await
    }

    /// Kills the process (SIGKILL).
    ///
    /// # Errors
    /// Returns an error if the system call fails.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context(format_args!("kill {}", self.name))
    }
}

async fn collect(pipe: impl AsyncRead + Unpin, log: Log) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        log.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script);
        Process::start("a script", command).unwrap()
    }

    const TIMEOUT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn log_contains_stdout_and_stderr() {
        let mut process = shell("echo one; echo two >&2; exit 3");
        assert_eq!(process.wait(TIMEOUT).await.unwrap().code(), Some(3));
        let mut lines = process.log().lines();
        lines.sort();
        assert_eq!(lines, ["one", "two"]);
    }

    #[tokio::test]
    async fn wait_for_line_returns_the_line_or_times_out() {
        let process = shell("echo one; echo two; exec sleep 60");
        let (line, next) = process.log().wait_for_line(0, TIMEOUT, |line| line == "two").await.unwrap();
        assert_eq!((line.as_str(), next), ("two", 2));
        let error = process.log().wait_for_line(next, Duration::from_millis(1), |_| true).await.unwrap_err();
        assert!(error.to_string().ends_with("one\ntwo"), "{error}");
    }

    #[tokio::test]
    async fn terminate_runs_the_signal_handler() {
        let mut process = shell("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done");
        process.log().wait_for_line(0, TIMEOUT, |line| line == "up").await.unwrap();
        assert_eq!(process.terminate(TIMEOUT).await.unwrap().code(), Some(7));
        assert_eq!(process.log().lines(), ["up", "bye"]);
    }

    #[tokio::test]
    async fn drop_kills_the_process() {
        let process = shell("echo up; exec sleep 60");
        process.log().wait_for_line(0, TIMEOUT, |line| line == "up").await.unwrap();
        let log = process.log().clone();
        let id = process.id().unwrap();
        drop(process);
        let gone = async {
            while std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(TIMEOUT, gone).await.unwrap();
        assert_eq!(log.lines(), ["up"]);
    }

    #[test]
    fn start_with_missing_program_names_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(async { Process::start("x", Command::new("/no/such")).unwrap_err() });
        assert_eq!(error.to_string(), "start x (/no/such): No such file or directory (os error 2)");
    }
}
