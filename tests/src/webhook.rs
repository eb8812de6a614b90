//! The real webhook as a process, with a certificate of its own, asked over TLS as kube-apiserver asks.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Certificate, Client};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::error::{Context, Failure, Result};
use crate::kubernetes::Kubernetes;
use crate::process::Process;
use crate::review::Answer;

const PATIENCE: Duration = Duration::from_secs(10);

/// A running webhook.
#[derive(Debug)]
pub struct Webhook {
    process: Process,
    client: Client,
    address: SocketAddr,
    health: SocketAddr,
    dir: TempDir,
}

impl Webhook {
    /// Starts it with these defaults (`defaults.yaml`) against a Kubernetes, and waits until it is ready.
    ///
    /// # Errors
    /// It does not start, or is not ready soon: with its log.
    pub async fn start(program: &Path, kubernetes: &Kubernetes, defaults: &str) -> Result<Self> {
        let dir = tempfile::tempdir().context("make a folder for the webhook")?;
        let file = |name: &str| dir.path().join(name);
        let authority = write_certificate(dir.path())?;
        std::fs::write(file("defaults.yaml"), defaults).context("write defaults.yaml")?;
        kubernetes.write_kubeconfig(&file("kubeconfig"))?;
        let (address, health) = (free_address().await?, free_address().await?);
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("KUBECONFIG", file("kubeconfig"))
            .arg("--listen")
            .arg(address.to_string())
            .arg("--health-listen")
            .arg(health.to_string());
        for (flag, name) in
            [("--certificate", "tls.crt"), ("--key", "tls.key"), ("--defaults", "defaults.yaml")]
        {
            command.arg(flag).arg(file(name));
        }
        let process = Process::start("rolebridge-webhook", command)?;
        let client = Client::builder()
            .tls_certs_only([authority])
            .resolve("rolebridge.rolebridge.svc", address)
            .no_proxy()
            .build()
            .context("make the client of the webhook")?;
        let mut webhook = Self { process, client, address, health, dir };
        webhook.wait_until_ready().await?;
        Ok(webhook)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.page("/readyz").await.is_ok_and(|(status, _)| status == 200) {
                return Ok(());
            }
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
    }

    /// Sends a review about a pod.
    ///
    /// # Errors
    /// The call fails, or kube-apiserver would not take the answer.
    pub async fn mutate(&self, review: &Value) -> Result<Answer> {
        self.ask("/mutate", review).await
    }

    /// Sends a review about a workload.
    ///
    /// # Errors
    /// The call fails, or kube-apiserver would not take the answer.
    pub async fn advise(&self, review: &Value) -> Result<Answer> {
        self.ask("/workloads", review).await
    }

    async fn ask(&self, path: &str, review: &Value) -> Result<Answer> {
        let url = format!("https://rolebridge.rolebridge.svc:{}{path}?timeout=5s", self.address.port());
        let response = self.client.post(url).timeout(Duration::from_secs(5)).json(review).send().await;
        let response = response.context("ask the webhook")?;
        let status = response.status();
        let body = response.bytes().await.context("read the webhook's answer")?;
        if status != 200 {
            let said = String::from_utf8_lossy(&body);
            return Err(Failure::new(format!("the webhook answered {status}: {said}")));
        }
        Answer::read(&body)
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

    /// The folder of its certificate, key, defaults and kubeconfig.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The process.
    pub const fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// Writes `tls.crt`, `tls.key` and the authority's `ca.crt`.
fn write_certificate(dir: &Path) -> Result<Certificate> {
    let authority_key = KeyPair::generate().context("make a key")?;
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).context("make an authority")?;
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().context("make a key")?;
    let certificate = CertificateParams::new(vec!["rolebridge.rolebridge.svc".to_owned()])
        .and_then(|params| params.signed_by(&key, &issuer))
        .context("make a certificate")?;
    for (name, text) in [
        ("tls.crt", certificate.pem()),
        ("tls.key", key.serialize_pem()),
        ("ca.crt", authority_certificate.pem()),
    ] {
        std::fs::write(dir.join(name), text).context(format_args!("write {name}"))?;
    }
    Certificate::from_der(authority_certificate.der()).context("read the authority")
}

/// A port of 127.0.0.1 that nobody uses now.
///
/// # Errors
/// There is none.
pub async fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("find a free port")?;
    listener.local_addr().context("find a free port")
}
