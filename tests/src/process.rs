//! A child process: its output collected, ended by its own id, killed when dropped.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::{Context, Failure, Result};

/// What a process has written so far, standard output and error together.
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

    /// Every line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every line, as one text.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// The first line at or after `from` that `wanted` takes, waited for; and the place after it.
    ///
    /// # Errors
    /// `patience` is over.
    pub async fn line_after(
        &self,
        from: usize,
        patience: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(String, usize)> {
        let mut count = self.count.subscribe();
        let found = async {
            let mut next = from;
            loop {
                let lines = self.lines();
                for (place, line) in lines.iter().enumerate().skip(next) {
                    if wanted(line) {
                        return (line.clone(), place + 1);
                    }
                }
                next = lines.len();
                // The sender lives in `self`, so this cannot fail.
                let _ = count.wait_for(|written| *written > next).await;
            }
        };
        tokio::time::timeout(patience, found).await.map_err(|_| {
            Failure::new(format!("no such line within {patience:?}; what was written:\n{}", self.text()))
        })
    }
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Log,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command` and collects what it writes.
    ///
    /// # Errors
    /// The program cannot be started.
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

    /// As it was named at the start.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id; `None` once it has ended and was waited for.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it has written.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context(&self.name)
    }

    /// Waits for its end and for the last of its output.
    ///
    /// # Errors
    /// It runs longer than `patience`.
    pub async fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let status = tokio::time::timeout(patience, self.child.wait())
            .await
            .map_err(|_| Failure::new(format!("{} still runs after {patience:?}", self.name)))?
            .context(&self.name)?;
        for reader in self.readers.drain(..) {
            // A grandchild may hold the pipe open: what is there by now is all that matters.
            let _ = tokio::time::timeout(Duration::from_secs(1), reader).await;
        }
        Ok(status)
    }

    /// Asks it to end (SIGTERM), as the kubelet does, and waits.
    ///
    /// # Errors
    /// It has not ended within `patience`.
    pub async fn terminate(&mut self, patience: Duration) -> Result<ExitStatus> {
        let pid = self.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).context(format_args!("end {}", self.name))?;
        }
        self.wait(patience).await
    }

    /// Ends it at once (SIGKILL).
    ///
    /// # Errors
    /// The system refuses.
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

    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn both_outputs_are_collected() {
        let mut process = shell("echo one; echo two >&2; exit 3");
        assert_eq!(process.wait(PATIENCE).await.unwrap().code(), Some(3));
        let mut lines = process.log().lines();
        lines.sort();
        assert_eq!(lines, ["one", "two"]);
    }

    #[tokio::test]
    async fn a_line_is_waited_for() {
        let process = shell("echo one; echo two; exec sleep 60");
        let (line, next) = process.log().line_after(0, PATIENCE, |line| line == "two").await.unwrap();
        assert_eq!((line.as_str(), next), ("two", 2));
        let error = process.log().line_after(next, Duration::from_millis(1), |_| true).await.unwrap_err();
        assert!(error.to_string().ends_with("one\ntwo"), "{error}");
    }

    #[tokio::test]
    async fn terminate_lets_it_clean_up() {
        let mut process = shell("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done");
        process.log().line_after(0, PATIENCE, |line| line == "up").await.unwrap();
        assert_eq!(process.terminate(PATIENCE).await.unwrap().code(), Some(7));
        assert_eq!(process.log().lines(), ["up", "bye"]);
    }

    #[tokio::test]
    async fn dropped_is_killed() {
        let process = shell("echo up; exec sleep 60");
        process.log().line_after(0, PATIENCE, |line| line == "up").await.unwrap();
        let log = process.log().clone();
        let id = process.id().unwrap();
        drop(process);
        let gone = async {
            while std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.unwrap();
        assert_eq!(log.lines(), ["up"]);
    }

    #[test]
    fn a_missing_program_is_named() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(async { Process::start("x", Command::new("/no/such")).unwrap_err() });
        assert_eq!(error.to_string(), "start x (/no/such): No such file or directory (os error 2)");
    }
}
