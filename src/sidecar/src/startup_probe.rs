//! The command `ready`: checks that a valid token and the configuration are published. The kubelet runs it as the startup probe, so its output
//! becomes an event of the pod.
//!
//! The command reads one or two small files, and needs no runtime and no client.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rolebridge_core::pod_names::PROBE_TIMEOUT_SECONDS;

use crate::config_files::check_written;
use crate::error::Failure;
use crate::publish::{Publisher, has_content};
use crate::settings::{ConfigFile, TokenFile};
use crate::status_file;
use crate::token_files::NO_TOKEN_YET;

/// Maximum wait: a second less than the probe's timeout, so that the output is still read.
const MAX_WAIT: Duration =
    Duration::from_secs(PROBE_TIMEOUT_SECONDS as u64).saturating_sub(Duration::from_secs(1));
/// The first pause. The first token arrives within a round trip or two, so the status is read often at first. A read takes
/// microseconds.
const MIN_PAUSE: Duration = Duration::from_millis(5);
const MAX_PAUSE: Duration = Duration::from_millis(200);

/// Checks once.
///
/// # Errors
/// Returns an error with the reason if the pod is not ready.
pub fn ready(
    token_file: PathBuf,
    token_files: &[TokenFile],
    config_files: &[ConfigFile],
) -> Result<(), Failure> {
    check(&Publisher::new(token_file), token_files, config_files)
}

/// Checks until the pod is ready or the probe's timeout is near.
///
/// # Errors
/// Returns an error with the reason if the pod is still not ready.
pub fn wait(
    token_file: PathBuf,
    token_files: &[TokenFile],
    config_files: &[ConfigFile],
) -> Result<(), Failure> {
    let publisher = Publisher::new(token_file);
    let deadline = Instant::now() + MAX_WAIT;
    let mut pause = MIN_PAUSE;
    loop {
        let result = check(&publisher, token_files, config_files);
        if result.is_ok() || Instant::now() + pause > deadline {
            return result;
        }
        thread::sleep(pause);
        // Each pause is a tenth longer: it reaches 200 ms after two seconds.
        pause = pause.mul_f64(1.1).min(MAX_PAUSE);
    }
}

fn check(
    publisher: &Publisher,
    token_files: &[TokenFile],
    config_files: &[ConfigFile],
) -> Result<(), Failure> {
    status_file::check_ready(publisher.status().as_ref(), publisher.has_token(), SystemTime::now())?;
    check_written(config_files, publisher)?;
    if token_files.iter().all(|token_file| has_content(&token_file.file)) {
        return Ok(());
    }
    Err(publisher.token_files_error().map_or_else(|| Failure::new(NO_TOKEN_YET), Failure::from))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rolebridge_core::external_account::ConfigKind;
    use rolebridge_core::service_accounts::AccountNumber;

    use super::*;
    use crate::error::{Error, ErrorKind, Service};
    use crate::regular_file::mkfifo;
    use crate::status_file::{ErrorSummary, Status, unix_seconds};
    use crate::token_kind::TokenKind;

    fn publish_token(token_file: &Path) -> Publisher {
        std::fs::write(token_file, "token").unwrap();
        let valid_until = Some(unix_seconds(SystemTime::now()) + 60);
        let publisher = Publisher::new(token_file.to_owned());
        publisher.publish_status(&Status { valid_until, error: None }).unwrap();
        publisher
    }

    #[test]
    fn ready_waits_for_token_files() {
        let folder = tempfile::tempdir().unwrap();
        let (token_file, file) = (folder.path().join("token"), folder.path().join("access-token"));
        let token_files =
            [TokenFile::token(AccountNumber::DEFAULT, TokenKind::default_access(), file.clone())];
        let publisher = publish_token(&token_file);
        assert_eq!(ready(token_file.clone(), &[], &[]), Ok(()));
        assert_eq!(ready(token_file.clone(), &token_files, &[]), Err(Failure::new(NO_TOKEN_YET)));
        let error = Error::new(ErrorKind::ConditionRejected, "sts").from_service(Service::GoogleSts);
        publisher.publish_token_files_error(Some(&ErrorSummary::from(&error))).unwrap();
        let failure = ready(token_file.clone(), &token_files, &[]).unwrap_err();
        assert_eq!(failure.to_string(), error.to_string());
        std::fs::write(&file, "token").unwrap();
        assert_eq!(ready(token_file, &token_files, &[]), Ok(()), "the first token counts");
    }

    #[test]
    fn ready_waits_for_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let (token_file, file) = (folder.path().join("token"), folder.path().join("file.json"));
        let config_files =
            [ConfigFile { kind: ConfigKind::File, account: AccountNumber::DEFAULT, file: file.clone() }];
        publish_token(&token_file);
        assert!(ready(token_file.clone(), &[], &config_files).is_err());
        std::fs::write(&file, "{}").unwrap();
        assert_eq!(ready(token_file, &[], &config_files), Ok(()));
    }

    #[test]
    fn wait_returns_when_the_token_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        let (path, result) = (token_file.clone(), std::sync::mpsc::channel());
        let waiting = thread::spawn(move || result.0.send(wait(path, &[], &[])));
        assert!(ready(token_file.clone(), &[], &[]).is_err());
        publish_token(&token_file);
        assert_eq!(result.1.recv().unwrap(), Ok(()));
        waiting.join().unwrap().unwrap();
    }

    /// A FIFO would block the probe until its timeout.
    #[test]
    fn ready_fails_at_once_if_a_fifo_or_a_folder_is_in_the_place_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (token_file, access) = (folder.path().join("token"), folder.path().join("access-token"));
        let token_files =
            [TokenFile::token(AccountNumber::DEFAULT, TokenKind::default_access(), access.clone())];
        let config = folder.path().join("file.json");
        let config_files =
            [ConfigFile { kind: ConfigKind::File, account: AccountNumber::DEFAULT, file: config.clone() }];
        let status = publish_token(&token_file).status();
        let files = [
            "token.status.json",
            "token",
            "access-token",
            "token.outputs.json",
            "file.json",
            "token.config.json",
        ];
        for (file, create) in files.into_iter().flat_map(|file| {
            let create: [fn(&Path); 2] = [mkfifo, |path| std::fs::create_dir(path).unwrap()];
            create.map(|create| (folder.path().join(file), create))
        }) {
            publish_token(&token_file).publish_status(status.as_ref().unwrap()).unwrap();
            std::fs::write(&access, "token").unwrap();
            std::fs::write(&config, "{}").unwrap();
            // An error is read only if the file that it is about is missing.
            let missing = match file.file_name().and_then(|name| name.to_str()) {
                Some("token.outputs.json") => &access,
                Some("token.config.json") => &config,
                _ => &file,
            };
            std::fs::remove_file(missing).unwrap();
            create(&file);
            let (sender, result) = std::sync::mpsc::channel();
            let (path, token_files, config_files) =
                (token_file.clone(), token_files.clone(), config_files.clone());
            thread::spawn(move || sender.send(ready(path, &token_files, &config_files)));
            let result = result.recv_timeout(MAX_WAIT).expect("no file blocks");
            assert!(result.is_err(), "{}", file.display());
            std::fs::remove_file(&file).or_else(|_| std::fs::remove_dir(&file)).unwrap();
        }
    }
}
