//! One replica of the real webhook as a process, whatever certificate it serves.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::Client;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::error::{Context, Failure, Result};
use crate::fake_apiserver::Kubernetes;
use crate::ports::free_address;
use crate::process::Process;

const PATIENCE: Duration = Duration::from_secs(10);

/// A running replica.
#[derive(Debug)]
pub struct Replica {
    process: Process,
    address: SocketAddr,
    health: SocketAddr,
    client: Client,
    dir: TempDir,
}

impl Replica {
    /// Starts one with these defaults (`defaults.yaml`) and further arguments against a Kubernetes.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        program: &Path,
        kubernetes: &Kubernetes,
        defaults: &str,
        dir: TempDir,
        arguments: &[String],
    ) -> Result<Self> {
        let file = |name: &str| dir.path().join(name);
        std::fs::write(file("defaults.yaml"), defaults).context("write defaults.yaml")?;
        kubernetes.write_kubeconfig(&file("kubeconfig"))?;
        let (address, health) = (free_address()?, free_address()?);
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("KUBECONFIG", file("kubeconfig"))
            .args([format!("--listen={address}"), format!("--health-listen={health}")])
            .arg("--defaults")
            .arg(file("defaults.yaml"))
            .args(arguments);
        let process = Process::start("rolebridge-webhook", command)?;
        let client = Client::builder().no_proxy().build().context("make the client of the health port")?;
        Ok(Self { process, address, health, client, dir })
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// It is not ready soon, or ends: with its log.
    pub async fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready().await {
            let ended = self.process.ended()?;
            if ended.is_some() || Instant::now() > deadline {
                let how = ended.map_or_else(
                    || format!("is not ready after {PATIENCE:?}"),
                    |how| format!("ended: {how}"),
                );
                return Err(Failure::new(format!("the webhook {how}\n{}", self.process.log().text())));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Whether it says that it is ready.
    pub async fn is_ready(&self) -> bool {
        self.page("/readyz").await.is_ok_and(|(status, _)| status == 200)
    }

    /// A page of the health port: status and text.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn page(&self, path: &str) -> Result<(u16, String)> {
        let response = self.client.get(format!("http://{}{path}", self.health)).send().await.context(path)?;
        let status = response.status().as_u16();
        Ok((status, response.text().await.context(path)?))
    }

    /// Where it takes reviews, over TLS.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves health and metrics.
    #[must_use]
    pub const fn health(&self) -> SocketAddr {
        self.health
    }

    /// The folder of its files.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The process.
    pub const fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}
