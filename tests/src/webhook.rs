//! The real webhook as a process with a generated certificate, called over TLS as kube-apiserver calls it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Certificate, Client};
use serde_json::Value;

use crate::error::{Context, Error, Result};
use crate::fake_apiserver::FakeApiServer;
use crate::process::Process;
use crate::review::AdmissionResponse;
use crate::webhook_process::WebhookProcess;

/// DNS name in the certificate.
pub const DNS_NAME: &str = "rolebridge.rolebridge.svc";

/// A running webhook and a client that trusts it.
#[derive(Debug)]
pub struct Webhook {
    process: WebhookProcess,
    client: Client,
}

impl Webhook {
    /// Starts the webhook with these defaults (`defaults.yaml`) as a client of a fake API server, and waits until it is
    /// ready.
    ///
    /// # Errors
    /// Returns an error if the webhook does not start, or one with its log if it does not become ready.
    pub async fn start(program: &Path, api_server: &FakeApiServer, defaults: &str) -> Result<Self> {
        Self::start_with_args(program, api_server, defaults, &[]).await
    }

    /// Does the same with additional arguments.
    ///
    /// # Errors
    /// Returns an error if the webhook does not start, or one with its log if it does not become ready.
    pub async fn start_with_args(
        program: &Path,
        api_server: &FakeApiServer,
        defaults: &str,
        additional: &[&str],
    ) -> Result<Self> {
        let dir = tempfile::tempdir().context("create a folder for the webhook")?;
        let ca = write_certificates(dir.path())?;
        let files = [("--certificate", "tls.crt"), ("--key", "tls.key")];
        let files = files.map(|(flag, name)| format!("{flag}={}", dir.path().join(name).display()));
        let args: Vec<_> = files.into_iter().chain(additional.iter().map(ToString::to_string)).collect();
        let mut process = WebhookProcess::start(program, api_server, defaults, dir, &args)?;
        let client = Client::builder()
            .tls_certs_only([ca])
            .resolve(DNS_NAME, process.address())
            .no_proxy()
            .build()
            .context("create the webhook's client")?;
        process.wait_until_ready().await?;
        Ok(Self { process, client })
    }

    /// Posts the review of a pod to `/mutate`.
    ///
    /// # Errors
    /// Returns an error if the call fails or kube-apiserver would reject the response.
    pub async fn mutate(&self, review: &Value) -> Result<AdmissionResponse> {
        self.post("/mutate", review).await
    }

    /// Posts the review of a workload to `/workloads`.
    ///
    /// # Errors
    /// Returns an error if the call fails or kube-apiserver would reject the response.
    pub async fn review_workload(&self, review: &Value) -> Result<AdmissionResponse> {
        self.post("/workloads", review).await
    }

    async fn post(&self, path: &str, review: &Value) -> Result<AdmissionResponse> {
        let url = format!("https://{DNS_NAME}:{}{path}?timeout=5s", self.process.address().port());
        let response = self.client.post(url).timeout(Duration::from_secs(5)).json(review).send().await;
        let response = response.context("call the webhook")?;
        let status = response.status();
        let body = response.bytes().await.context("read the webhook's response")?;
        if status != 200 {
            let text = String::from_utf8_lossy(&body);
            return Err(Error::new(format!("the webhook returned {status}: {text}")));
        }
        AdmissionResponse::parse(&body)
    }

    /// Requests a path of the health port and returns the status and the body.
    ///
    /// # Errors
    /// Returns an error if the request fails.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        self.process.get(path).await
    }

    /// Returns the address that serves admission reviews over TLS.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Returns the address that serves health and metrics.
    #[must_use]
    pub const fn health(&self) -> SocketAddr {
        self.process.health()
    }

    /// Returns the folder of the certificate, key, defaults and kubeconfig.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.process.dir()
    }

    /// Returns the process.
    pub const fn process(&mut self) -> &mut Process {
        self.process.process()
    }
}

/// Writes `tls.crt`, `tls.key` and the issuing CA's `ca.crt`, and returns the CA certificate.
fn write_certificates(dir: &Path) -> Result<Certificate> {
    let ca_key = KeyPair::generate().context("generate a key")?;
    let mut ca_params = CertificateParams::default();
    ca_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = ca_params.self_signed(&ca_key).context("create a CA")?;
    let issuer = Issuer::new(ca_params, ca_key);
    let key = KeyPair::generate().context("generate a key")?;
    let certificate = CertificateParams::new(vec![DNS_NAME.to_owned()])
        .and_then(|params| params.signed_by(&key, &issuer))
        .context("issue a certificate")?;
    for (name, text) in
        [("tls.crt", certificate.pem()), ("tls.key", key.serialize_pem()), ("ca.crt", ca.pem())]
    {
        std::fs::write(dir.join(name), text).context(format_args!("write {name}"))?;
    }
    Certificate::from_der(ca.der()).context("read the CA certificate")
}
