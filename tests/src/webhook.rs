//! The real webhook as a process, with a certificate of its own, asked over TLS as kube-apiserver asks.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Certificate, Client};
use serde_json::Value;

use crate::error::{Context, Failure, Result};
use crate::fake_apiserver::Kubernetes;
use crate::process::Process;
use crate::review::Answer;
use crate::webhook_process::Replica;

/// The name that the certificate is for.
const NAME: &str = "rolebridge.rolebridge.svc";

/// A running webhook.
#[derive(Debug)]
pub struct Webhook {
    replica: Replica,
    client: Client,
}

impl Webhook {
    /// Starts it with these defaults (`defaults.yaml`) against a Kubernetes, and waits until it is ready.
    ///
    /// # Errors
    /// It does not start, or is not ready soon: with its log.
    pub async fn start(program: &Path, kubernetes: &Kubernetes, defaults: &str) -> Result<Self> {
        let dir = tempfile::tempdir().context("make a folder for the webhook")?;
        let authority = write_certificate(dir.path())?;
        let files = [("--certificate", "tls.crt"), ("--key", "tls.key")];
        let arguments = files.map(|(flag, name)| format!("{flag}={}", dir.path().join(name).display()));
        let mut replica = Replica::start(program, kubernetes, defaults, dir, &arguments)?;
        let client = Client::builder()
            .tls_certs_only([authority])
            .resolve(NAME, replica.address())
            .no_proxy()
            .build()
            .context("make the client of the webhook")?;
        replica.wait_until_ready().await?;
        Ok(Self { replica, client })
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
        let url = format!("https://{NAME}:{}{path}?timeout=5s", self.replica.address().port());
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
        self.replica.page(path).await
    }

    /// Where it takes reviews, over TLS.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.replica.address()
    }

    /// Where it serves health and metrics.
    #[must_use]
    pub const fn health(&self) -> SocketAddr {
        self.replica.health()
    }

    /// The folder of its certificate, key, defaults and kubeconfig.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.replica.dir()
    }

    /// The process.
    pub const fn process(&mut self) -> &mut Process {
        self.replica.process()
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
    let certificate = CertificateParams::new(vec![NAME.to_owned()])
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
