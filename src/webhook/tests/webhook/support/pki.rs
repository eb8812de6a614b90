//! Certificates, and files laid out as in a mounted Secret.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rolebridge_certs::ca_bundle::CaBundle;
use rolebridge_webhook::http::cert_resolver::{CertResolver, ServingCert};
use rolebridge_webhook::http::tls;
use rolebridge_webhook::webhook_config::{WebhookConfig, WebhookEntry};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

/// Name of the Service in certificates.
const SERVICE_NAME: &str = "rolebridge.system.svc";

/// A PEM certificate and its key. The year of its expiry identifies it.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Issued {
    pub(crate) fn until(year: i32) -> Self {
        let mut params = CertificateParams::new(["localhost", SERVICE_NAME].map(str::to_owned)).unwrap();
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }

    /// Returns a configuration with an entry that trusts the certificate.
    pub(crate) fn trusting_config(&self) -> WebhookConfig {
        let entry = WebhookEntry {
            index: 0,
            name: "pods".to_owned(),
            namespace: "system".to_owned(),
            service: "rolebridge".to_owned(),
            bundle: CaBundle::parse(self.certificate.as_bytes()),
        };
        WebhookConfig { name: "rolebridge".to_owned(), version: "1".to_owned(), entries: vec![entry] }
    }

    pub(crate) fn serving_cert(&self) -> ServingCert {
        ServingCert::from_pem(self.certificate.as_bytes(), self.key.as_bytes()).unwrap()
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let resolver = Arc::new(CertResolver::default());
        resolver.replace(self.serving_cert());
        TlsAcceptor::from(tls::config(resolver).unwrap())
    }
}

/// A mounted volume: `NAME -> ..data/NAME`, `..data -> ..VERSION`. A change swaps `..data`.
pub(crate) struct Mount {
    dir: TempDir,
    version: u32,
}

impl Mount {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let mut mount = Self { dir: tempfile::tempdir().unwrap(), version: 0 };
        mount.swap(files);
        for (name, _) in files {
            symlink(Path::new("..data").join(name), mount.path(name)).unwrap();
        }
        mount
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn swap(&mut self, files: &[(&str, &str)]) {
        self.version += 1;
        let version = format!("..{}", self.version);
        fs::create_dir(self.path(&version)).unwrap();
        for (name, text) in files {
            fs::write(self.path(&version).join(name), text).unwrap();
        }
        symlink(&version, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
    }
}
