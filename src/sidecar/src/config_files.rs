//! Writes the `external_account` documents for the app's Google library.
//!
//! A library posts any file that a document names to any URL that it names. So the documents come from the sidecar's own
//! environment, which cannot change in a running pod, unlike an annotation.

use std::time::Duration;

use rolebridge_core::aws::{PARTITIONS, Partition};
use rolebridge_core::external_account::ExternalAccountConfig;
use rolebridge_core::pod_names::DEFAULT_PORT;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::backoff::backoff;
use crate::error::{Error, ErrorKind, Failure};
use crate::publish::{Publisher, has_content, replace};
use crate::regular_file::{self, Symlink};
use crate::settings::{ConfigFile, IdentitySource, Settings};
use crate::spread;
use crate::status_file::ErrorSummary;

/// The reason before the first attempt to write the documents.
const NOT_WRITTEN_YET: &str = "no configuration yet: the sidecar has just started";

/// The status of the documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ConfigStatus {
    /// No attempt has been made.
    #[default]
    Pending,
    /// The last attempt failed.
    Failed(Error),
    /// All documents have been written.
    Written,
}

/// The receiver of the documents' status.
pub type Reader = watch::Receiver<ConfigStatus>;

impl ConfigStatus {
    /// Returns the reason why an app cannot start, or `None` if all documents are written.
    #[must_use]
    pub fn missing(&self) -> Option<Failure> {
        match self {
            Self::Pending => Some(Failure::new(NOT_WRITTEN_YET)),
            Self::Failed(error) => Some(Failure::from(error)),
            Self::Written => None,
        }
    }
}

/// Writes the documents, and retries until it succeeds. An error is published for `ready` through `publisher` too.
#[must_use]
pub fn spawn(settings: &Settings, publisher: &Publisher) -> Reader {
    let documents = settings.config_files.iter().map(|config| (config.clone(), document(settings, config)));
    let writer = Writer { documents: documents.collect(), publisher: publisher.clone() };
    let (status, reader) = watch::channel(ConfigStatus::default());
    tokio::spawn(writer.run(status));
    reader
}

struct Writer {
    documents: Vec<(ConfigFile, String)>,
    publisher: Publisher,
}

impl Writer {
    async fn run(self, status: watch::Sender<ConfigStatus>) {
        let mut failures = 0;
        while let Err(error) = self.write() {
            failures += 1;
            let wait = backoff(failures, error.is_permanent(), fastrand::f64());
            error.log(None, wait);
            if let Err(error) = self.publisher.publish_config_error(&ErrorSummary::from(&error)) {
                tracing::warn!(%error, "failed to publish the status of the configuration");
            }
            status.send_replace(ConfigStatus::Failed(error));
            sleep(wait).await;
        }
        status.send_replace(ConfigStatus::Written);
    }

    fn write(&self) -> Result<(), Error> {
        self.documents.iter().try_for_each(|(ConfigFile { file, .. }, document)| {
            replace(file, document.as_bytes())
                .map_err(|error| Error::new(ErrorKind::WriteFailed, format!("{}: {error}", file.display())))
        })
    }
}

/// Checks for `ready`, another process, that the documents exist.
///
/// # Errors
/// Returns an error with the reason if a document is missing.
pub(crate) fn check_written(config_files: &[ConfigFile], publisher: &Publisher) -> Result<(), Failure> {
    if config_files.iter().all(|config| has_content(&config.file)) {
        return Ok(());
    }
    Err(publisher.config_error().map_or_else(|| Failure::new(NOT_WRITTEN_YET), Failure::from))
}

/// Checks for `doctor`, another process, that the documents are those of the settings.
///
/// # Errors
/// Returns an error for the first document that is missing or different.
pub(crate) fn check_content(settings: &Settings, publisher: &Publisher) -> Result<(), Failure> {
    check_written(&settings.config_files, publisher)?;
    let is_other = |config: &&ConfigFile| {
        let document = document(settings, config);
        // A longer file is another one.
        let found = regular_file::read(&config.file, Symlink::Reject, document.len() as u64);
        found.ok().as_deref() != Some(document.as_bytes())
    };
    let Some(ConfigFile { file, .. }) = settings.config_files.iter().find(is_other) else { return Ok(()) };
    Err(Failure {
        message: format!("{}: expected the sidecar's configuration, found another one", file.display()),
        remediation: Some("recreate the pod, and check which container writes to the file".to_owned()),
    })
}

/// Returns a document.
#[must_use]
pub fn document(settings: &Settings, config: &ConfigFile) -> String {
    let Settings { identity, google, token_file, server, .. } = settings;
    let account = google.account(config.account);
    let pod_lifetime = settings.pod.as_deref().map(spread::token_lifetime);
    let token_file = match &identity.source {
        IdentitySource::Aws(_) => token_file,
        // The kubelet itself refreshes the token.
        IdentitySource::Kubernetes { token_file } => token_file,
    };
    let content = ExternalAccountConfig {
        identity: identity.kind,
        universe: &identity.provider.universe,
        provider: identity.provider.name.as_str(),
        sts_endpoint: Some(&google.sts_endpoint),
        iam_credentials_endpoint: Some(&google.iam_credentials_endpoint),
        service_account: account.map(|account| account.email.as_str()),
        token_lifetime: account.and_then(|account| seconds(account.lifetime.or(pod_lifetime)?)),
        quota_project: google.quota_project.as_deref(),
        partition: identity.region().map_or(PARTITIONS[0], Partition::of_region),
        // Only the document for `loopback` has the port, and the settings require its server.
        port: server.map_or(DEFAULT_PORT, |server| server.port),
        token_file: &token_file.to_string_lossy(),
    };
    to_json(&content.document(config.kind))
}

#[expect(clippy::expect_used, reason = "the documents have only string keys")]
fn to_json(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("the documents are JSON")
}

fn seconds(lifetime: Duration) -> Option<u32> {
    u32::try_from(lifetime.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use rolebridge_core::env::sidecar as names;

    use super::*;
    use crate::settings::Env;

    /// Reads settings with both documents in the folder `config` and the token in `token`.
    fn settings(folder: &Path) -> Settings {
        settings_with(folder, &[])
    }

    fn settings_with(folder: &Path, more: &[(&str, &str)]) -> Settings {
        let path = |name: &str| OsString::from(folder.join(name));
        let provider = "projects/1/locations/global/workloadIdentityPools/pool/providers/prod";
        let variable = |name: &str| match name {
            names::AWS_ROLE_ARN => Some("arn:aws:iam::123456789012:role/batch".into()),
            names::AWS_ROLE_SESSION_NAME => Some("shop.batch".into()),
            names::AWS_WEB_IDENTITY_TOKEN_FILE => Some("/aws/token".into()),
            names::AWS_REGION => Some("eu-west-1".into()),
            names::AUDIENCE => Some(format!("//iam.googleapis.com/{provider}").into()),
            names::TOKEN_FILE => Some(path("token/token")),
            names::LOOPBACK_PORT => Some("15080".into()),
            names::LOOPBACK_CONFIG => Some(path("config/loopback.json")),
            names::FILE_CONFIG => Some(path("config/file.json")),
            _ => more.iter().find(|(other, _)| *other == name).map(|(_, value)| value.into()),
        };
        Settings::read(&Env::new(&variable)).unwrap()
    }

    fn folder(folders: &[&str]) -> (tempfile::TempDir, Settings, Publisher) {
        let folder = tempfile::tempdir().unwrap();
        for name in folders {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let settings = settings(folder.path());
        let publisher = Publisher::new(settings.token_file.clone());
        (folder, settings, publisher)
    }

    #[test]
    fn document_has_the_lifetime_that_is_set_or_one_of_the_pod() {
        let account = (names::SERVICE_ACCOUNT, "reader@shop.iam.gserviceaccount.com");
        let pod = (names::HOSTNAME, "batch-7d9f4-x2x8v");
        let own = spread::token_lifetime(pod.1).as_secs();
        let lifetime = |seconds| (names::TOKEN_LIFETIME, seconds);
        for (variables, expected) in [
            (vec![account, pod], Some(own)),
            (vec![account, pod, lifetime("3600")], Some(3600)),
            (vec![account, pod, lifetime("1800")], Some(1800)),
            (vec![account], None), // the library's default
            (vec![pod], None),     // direct access: Google sets the lifetime
        ] {
            let settings = settings_with(Path::new("/volume"), &variables);
            for config in &settings.config_files {
                let document: serde_json::Value = serde_json::from_str(&document(&settings, config)).unwrap();
                let found = document["service_account_impersonation"]["token_lifetime_seconds"].as_u64();
                assert_eq!(found, expected, "{variables:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn spawn_writes_each_document_for_all_users() {
        let (folder, settings, publisher) = folder(&["config", "token"]);
        assert_eq!(check_content(&settings, &publisher), Err(Failure::new(NOT_WRITTEN_YET)));
        let mut reader = spawn(&settings, &publisher);
        assert_eq!(reader.borrow().missing(), Some(Failure::new(NOT_WRITTEN_YET)));
        reader.wait_for(|status| *status == ConfigStatus::Written).await.unwrap();
        assert_eq!(check_content(&settings, &publisher), Ok(()));
        let file = folder.path().join("config/file.json");
        let document: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(document["credential_source"]["file"], settings.token_file.to_str().unwrap());
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o444);
        assert_eq!(
            fs::read_dir(folder.path().join("config")).unwrap().count(),
            2,
            "no temporary file remains"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn restart_replaces_a_document_that_another_process_wrote() {
        let (folder, settings, publisher) = folder(&["config", "token"]);
        let longer = document(&settings, &settings.config_files[0]) + " ";
        for content in ["{}", &longer] {
            for name in ["file.json", "loopback.json"] {
                fs::write(folder.path().join("config").join(name), content).unwrap();
            }
            assert_eq!(check_written(&settings.config_files, &publisher), Ok(()), "the app may start");
            let failure = check_content(&settings, &publisher).unwrap_err().to_string();
            assert!(
                failure.contains("loopback.json: expected the sidecar's configuration, found another"),
                "{failure}"
            );
        }
        let mut reader = spawn(&settings, &publisher);
        reader.wait_for(|status| *status == ConfigStatus::Written).await.unwrap();
        assert_eq!(check_content(&settings, &publisher), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn failed_write_is_reported_and_retried() {
        let (folder, settings, publisher) = folder(&["token"]);
        let mut reader = spawn(&settings, &publisher);
        reader.wait_for(|status| matches!(status, ConfigStatus::Failed(_))).await.unwrap();
        let failure = check_written(&settings.config_files, &publisher).unwrap_err();
        assert_eq!(Some(&failure), reader.borrow().missing().as_ref());
        let text = failure.to_string();
        assert!(text.starts_with("publication: failed to write a file ("), "{text}");
        assert!(text.contains("config/loopback.json: No such file") && text.contains("Fix: check"), "{text}");
        fs::create_dir(folder.path().join("config")).unwrap();
        reader.wait_for(|status| *status == ConfigStatus::Written).await.unwrap();
        assert_eq!(check_content(&settings, &publisher), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn failed_write_with_a_full_token_volume_is_still_reported_as_missing() {
        let (_folder, settings, publisher) = folder(&[]);
        let mut reader = spawn(&settings, &publisher);
        reader.wait_for(|status| matches!(status, ConfigStatus::Failed(_))).await.unwrap();
        let missing = check_written(&settings.config_files, &publisher);
        assert_eq!(missing, Err(Failure::new(NOT_WRITTEN_YET)));
    }
}
