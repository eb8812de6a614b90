//! Runs containers as processes, in the kubelet's order.

use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::Pod;
use super::env::expand;
use super::hosts;
use super::spec::{Container, Probe};
use crate::error::{Context, Error, Result};
use crate::process::Process;

/// The running containers of a pod.
#[derive(Debug)]
pub struct RunningPod {
    /// Native sidecars, then the app containers, in the pod's order.
    pub processes: Vec<Process>,
    /// Messages of the events that the kubelet would have recorded during the start.
    pub events: Vec<String>,
}

impl RunningPod {
    /// Returns the process of a container.
    pub fn process(&mut self, container: &str) -> Option<&mut Process> {
        self.processes.iter_mut().find(|process| process.name() == container)
    }
}

impl Pod {
    /// Starts the pod. Init containers run one after another: each until it exits, a native sidecar until its startup
    /// probe succeeds. Then the app containers start.
    ///
    /// # Errors
    /// Returns an error if an init container fails or takes longer than `timeout`.
    pub async fn run(&self, timeout: Duration) -> Result<RunningPod> {
        let mut running = RunningPod { processes: Vec::new(), events: Vec::new() };
        for container in &self.spec.init_containers {
            let mut process = self.start_container(&container.name)?;
            if container.is_native_sidecar() {
                running.events.extend(self.wait_started(&mut process, timeout).await?);
                running.processes.push(process);
            } else {
                let status = process.wait(timeout).await?;
                if !status.success() {
                    let log = process.log().text();
                    return Err(Error::new(format!(
                        "init container {} exited: {status}\n{log}",
                        container.name
                    )));
                }
            }
        }
        for container in &self.spec.containers {
            running.processes.push(self.start_container(&container.name)?);
        }
        Ok(running)
    }

    /// Starts one container.
    ///
    /// # Errors
    /// Returns an error if the pod has no such container, or if its program is unknown or cannot be started.
    pub fn start_container(&self, container: &str) -> Result<Process> {
        let container = self.container(container)?;
        let argv: Vec<_> = container.command.iter().chain(&container.args).cloned().collect();
        Process::start(container.name.clone(), self.command(container, &argv)?)
    }

    /// Waits until the startup probe of a container succeeds, and returns the messages of failed probes.
    ///
    /// # Errors
    /// Returns an error with the last probe's message if the container exits, if `timeout` elapses, or if the probe
    /// reaches its failure threshold.
    pub async fn wait_started(&self, process: &mut Process, timeout: Duration) -> Result<Vec<String>> {
        let container = self.container(process.name())?;
        let mut events = Vec::new();
        let Some(probe) = &container.startup_probe else { return Ok(events) };
        let deadline = Instant::now() + timeout;
        sleep(Duration::from_secs(probe.initial_delay_seconds.unwrap_or(0))).await;
        loop {
            let start = Instant::now();
            let Err(probe_error) = self.probe(container, probe).await else { return Ok(events) };
            events.push(format!("Startup probe failed: {probe_error}"));
            let failures = u64::try_from(events.len()).unwrap_or(u64::MAX);
            let state = if let Some(status) = process.try_wait()? {
                format!("exited: {status}")
            } else if failures >= probe.failure_threshold.unwrap_or(3) {
                "reached the failure threshold of its startup probe".to_owned()
            } else if Instant::now() >= deadline {
                format!("has not started within {timeout:?}")
            } else {
                let period = Duration::from_secs(probe.period_seconds.unwrap_or(10));
                tokio::time::sleep_until(start + period).await;
                continue;
            };
            let log = process.log().text();
            return Err(Error::new(format!(
                "container {} {state}; last probe: {probe_error}\n{log}",
                container.name
            )));
        }
    }

    /// Runs the startup probe once.
    async fn probe(&self, container: &Container, probe: &Probe) -> Result<()> {
        let exec = probe.exec.as_ref().context("the fake kubelet supports exec probes only")?;
        let mut command = self.command(container, &exec.command)?;
        command.kill_on_drop(true);
        let seconds = probe.timeout_seconds.unwrap_or(1);
        let output = tokio::time::timeout(Duration::from_secs(seconds), command.output())
            .await
            .map_err(|_| Error::new(format!("command timed out after {seconds}s")))?
            .context("run the probe")?;
        if output.status.success() {
            return Ok(());
        }
        let message = [output.stdout, output.stderr].concat();
        Err(Error::new(String::from_utf8_lossy(&message).trim()))
    }

    /// Builds the command of a program in the container, with exactly the container's environment.
    fn command(&self, container: &Container, argv: &[String]) -> Result<Command> {
        let env = self.env(container)?;
        let expanded: Vec<_> = argv.iter().map(|text| self.root.map_paths(&expand(text, &env))).collect();
        let (program, arguments) = expanded.split_first().context(format_args!(
            "container {} has no command, and the fake kubelet has no images",
            container.name
        ))?;
        let host_argv =
            self.node.programs.get(program).context(format_args!("no program {program} on the node"))?;
        let (program, leading_args) = host_argv.split_first().context("a program without a path")?;
        let mut command = match &self.hosts {
            Some(file) => hosts::command(file, program)?,
            None => Command::new(program),
        };
        command.args(leading_args).args(arguments).env_clear().envs(env).current_dir(self.root());
        Ok(command)
    }
}
