//! One replica of the real webhook as a process, with any certificate mode.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use reqwest::Client;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::error::{Context, Error, Result};
use crate::fake_apiserver::FakeApiServer;
use crate::ports::free_address;
use crate::process::Process;

/// The first list of a hundred thousand service accounts takes seconds.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// A running webhook process.
#[derive(Debug)]
pub struct WebhookProcess {
    process: Process,
    address: SocketAddr,
    health: SocketAddr,
    client: Client,
    dir: TempDir,
}

impl WebhookProcess {
    /// Starts a replica with these defaults (`defaults.yaml`) and additional arguments, as a client of a fake API server.
    ///
    /// # Errors
    /// Returns an error if the process cannot be started.
    pub fn start(
        program: &Path,
        api_server: &FakeApiServer,
        defaults: &str,
        dir: TempDir,
        args: &[String],
    ) -> Result<Self> {
        let file = |name: &str| dir.path().join(name);
        std::fs::write(file("defaults.yaml"), defaults).context("write defaults.yaml")?;
        api_server.write_kubeconfig(&file("kubeconfig"))?;
        let (address, health) = (free_address()?, free_address()?);
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("KUBECONFIG", file("kubeconfig"))
            .args([
                format!("--listen={}", all_addresses(address)),
                format!("--health-listen={}", all_addresses(health)),
            ])
            .arg("--defaults")
            .arg(file("defaults.yaml"))
            .args(args);
        let process = Process::start("rolebridge-webhook", command)?;
        let client = Client::builder().no_proxy().build().context("create the client of the health port")?;
        Ok(Self { process, address, health, client, dir })
    }

    /// Waits until the webhook is ready.
    ///
    /// # Errors
    /// Returns an error with the webhook's log if it exits or is not ready within a minute.
    pub async fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY_TIMEOUT;
        while !self.is_ready().await {
            let exited = self.process.try_wait()?;
            if exited.is_some() || Instant::now() > deadline {
                let state = exited.map_or_else(
                    || format!("is not ready after {READY_TIMEOUT:?}"),
                    |status| format!("exited: {status}"),
                );
                return Err(Error::new(format!("the webhook {state}\n{}", self.process.log().text())));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Returns true if `/readyz` returns 200.
    pub async fn is_ready(&self) -> bool {
        self.get("/readyz").await.is_ok_and(|(status, _)| status == 200)
    }

    /// Requests a path of the health port and returns the status and the body.
    ///
    /// # Errors
    /// Returns an error if the request fails.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let response = self.client.get(format!("http://{}{path}", self.health)).send().await.context(path)?;
        let status = response.status().as_u16();
        Ok((status, response.text().await.context(path)?))
    }

    /// Returns an address that serves admission reviews over TLS.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns an address that serves health and metrics.
    #[must_use]
    pub const fn health(&self) -> SocketAddr {
        self.health
    }

    /// Returns the folder of the webhook's files.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Returns the process.
    pub const fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// Returns `[::]` with the port, in the form of the webhook's defaults.
fn all_addresses(address: SocketAddr) -> SocketAddr {
    (Ipv6Addr::UNSPECIFIED, address.port()).into()
}
