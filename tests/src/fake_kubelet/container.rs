//! Containers as processes, in the kubelet's order.

use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use super::Pod;
use super::environment::expand;
use super::spec::{Container, Probe};
use crate::error::{Context, Failure, Result};
use crate::process::Process;

/// Everything of a pod that goes on running.
#[derive(Debug)]
pub struct Running {
    /// Native sidecars, then the containers, in the pod's order.
    pub processes: Vec<Process>,
    /// What the kubelet would have written into the pod's events on the way.
    pub events: Vec<String>,
}

impl Running {
    /// The process of a container.
    pub fn process(&mut self, container: &str) -> Option<&mut Process> {
        self.processes.iter_mut().find(|process| process.name() == container)
    }
}

impl Pod {
    /// Starts everything: init containers one after another, each to its end, a native sidecar until its startup
    /// probe succeeds; then the containers.
    ///
    /// # Errors
    /// An init container fails, or takes longer than `patience`.
    pub async fn run(&self, patience: Duration) -> Result<Running> {
        let mut running = Running { processes: Vec::new(), events: Vec::new() };
        for container in &self.spec.init_containers {
            let mut process = self.start(&container.name)?;
            if container.is_native_sidecar() {
                running.events.extend(self.started(&mut process, patience).await?);
                running.processes.push(process);
            } else {
                let status = process.wait(patience).await?;
                if !status.success() {
                    let log = process.log().text();
                    return Err(Failure::new(format!(
                        "init container {} ended: {status}\n{log}",
                        container.name
                    )));
                }
            }
        }
        for container in &self.spec.containers {
            running.processes.push(self.start(&container.name)?);
        }
        Ok(running)
    }

    /// Starts one container.
    ///
    /// # Errors
    /// The pod has no such container, or its program is unknown or cannot be started.
    pub fn start(&self, container: &str) -> Result<Process> {
        let container = self.container(container)?;
        let words: Vec<_> = container.command.iter().chain(&container.args).cloned().collect();
        Process::start(container.name.clone(), self.command(container, &words)?)
    }

    /// Waits until a container has started, as its startup probe sees it; gives what failed probes said.
    ///
    /// # Errors
    /// It ends, or `patience` is over, or the probe has failed too often: with what the last probe said.
    pub async fn started(&self, process: &mut Process, patience: Duration) -> Result<Vec<String>> {
        let container = self.container(process.name())?;
        let mut events = Vec::new();
        let Some(probe) = &container.startup_probe else { return Ok(events) };
        let deadline = Instant::now() + patience;
        sleep(Duration::from_secs(probe.initial_delay_seconds.unwrap_or(0))).await;
        loop {
            let begin = Instant::now();
            let Err(said) = self.probe(container, probe).await else { return Ok(events) };
            events.push(format!("Startup probe failed: {said}"));
            let failed = u64::try_from(events.len()).unwrap_or(u64::MAX);
            let why = if let Some(status) = process.ended()? {
                format!("ended: {status}")
            } else if failed >= probe.failure_threshold.unwrap_or(3) {
                "is killed by its startup probe".to_owned()
            } else if Instant::now() >= deadline {
                format!("has not started within {patience:?}")
            } else {
                let period = Duration::from_secs(probe.period_seconds.unwrap_or(10));
                tokio::time::sleep_until(begin + period).await;
                continue;
            };
            let log = process.log().text();
            return Err(Failure::new(format!(
                "container {} {why}; the probe: {said}\n{log}",
                container.name
            )));
        }
    }

    /// Runs the startup probe once.
    async fn probe(&self, container: &Container, probe: &Probe) -> Result<()> {
        let exec = probe.exec.as_ref().context("the stand-in kubelet knows exec probes only")?;
        let mut command = self.command(container, &exec.command)?;
        command.kill_on_drop(true);
        let seconds = probe.timeout_seconds.unwrap_or(1);
        let output = timeout(Duration::from_secs(seconds), command.output())
            .await
            .map_err(|_| Failure::new(format!("command timed out after {seconds}s")))?
            .context("run the probe")?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(Failure::new(String::from_utf8_lossy(&said).trim()))
    }

    /// A program in the container, with the container's environment and no other.
    fn command(&self, container: &Container, words: &[String]) -> Result<Command> {
        let environment = self.environment(container)?;
        let words: Vec<_> = words.iter().map(|word| self.root.map(&expand(word, &environment))).collect();
        let (program, args) = words.split_first().context(format_args!(
            "container {} has no command, and the stand-in kubelet knows no images",
            container.name
        ))?;
        let here =
            self.node.programs.get(program).context(format_args!("no program {program} on the node"))?;
        let (program, first) = here.split_first().context("a program without a path")?;
        let mut command = Command::new(program);
        command.args(first).args(args).env_clear().envs(environment).current_dir(self.root());
        Ok(command)
    }
}
