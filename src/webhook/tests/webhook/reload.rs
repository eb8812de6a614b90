//! Files that change as in a mounted volume, and invalid versions that are not used.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rolebridge_webhook::file_watcher::FileWatcher;
use rolebridge_webhook::http::cert_resolver::{self, ServingCert};
use rolebridge_webhook::live_defaults;
use tokio::time::sleep;

use crate::support::DEFAULTS;
use crate::support::pki::{Issued, Mount};

const INTERVAL: Duration = Duration::from_secs(10);

/// Returns the reports since the last call.
async fn reports(log: &Arc<Mutex<Vec<String>>>) -> Vec<String> {
    sleep(2 * INTERVAL).await;
    std::mem::take(&mut log.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn certificate_is_reloaded_only_with_its_own_key() {
    let (first, second, third) = (Issued::until(2077), Issued::until(2078), Issued::until(2079));
    let files = |certificate: &Issued, key: &Issued| {
        [("tls.crt", certificate.certificate.clone()), ("tls.key", key.key.clone())]
    };
    let swap = |mount: &mut Mount, files: [(&str, String); 2]| {
        mount.swap(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    };
    let mut mount = Mount::new(&files(&first, &first).each_ref().map(|(name, text)| (*name, text.as_str())));
    let paths = cert_resolver::files(mount.path("tls.crt"), mount.path("tls.key"));
    let (watcher, contents) = FileWatcher::read(paths).unwrap();
    assert_eq!(ServingCert::parse(&contents).unwrap().not_after().to_string(), "2077-01-01T00:00:00Z");

    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&log);
    tokio::spawn(watcher.watch_files(INTERVAL, move |contents| {
        let cert = contents.map_err(str::to_owned).and_then(ServingCert::parse);
        sink.lock().unwrap().push(cert.map_or_else(|error| error, |cert| cert.not_after().to_string()));
    }));
    assert_eq!(reports(&log).await, Vec::<String>::new());
    swap(&mut mount, files(&second, &second));
    assert_eq!(reports(&log).await, ["2078-01-01T00:00:00Z"]);
    swap(&mut mount, files(&second, &second));
    assert_eq!(reports(&log).await, Vec::<String>::new(), "a swap without a change is not reported");
    swap(&mut mount, files(&third, &second));
    assert_eq!(
        reports(&log).await,
        ["private key does not match the certificate: keys may not be consistent: KeyMismatch"]
    );
    swap(&mut mount, files(&third, &third));
    assert_eq!(reports(&log).await, ["2079-01-01T00:00:00Z"]);
    swap(&mut mount, [("tls.crt", "rubbish".to_owned()), ("tls.key", third.key.clone())]);
    assert_eq!(reports(&log).await, ["certificate file contains no certificate"]);
    swap(&mut mount, [("tls.crt", third.certificate.clone()), ("tls.key", "rubbish".to_owned())]);
    let key = reports(&log).await;
    assert!(key[0].starts_with("failed to parse the private key file"), "{key:?}");
    swap(&mut mount, [("tls.crt", third.certificate), ("other", String::new())]);
    let missing = reports(&log).await;
    assert!(
        missing[0].starts_with("failed to read --key ") && missing[0].contains("No such file"),
        "{missing:?}"
    );
    assert_eq!(missing.len(), 1, "it is reported once");
}

#[tokio::test(start_paused = true)]
async fn defaults_are_reloaded_only_if_valid() {
    let other = DEFAULTS.replace("prod", "test");
    let mut mount = Mount::new(&[("defaults.yaml", DEFAULTS)]);
    let (watcher, contents) =
        FileWatcher::read(vec![live_defaults::file(mount.path("defaults.yaml"))]).unwrap();
    assert!(live_defaults::parse(&contents).is_ok());
    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&log);
    tokio::spawn(watcher.watch_files(INTERVAL, move |contents| {
        let parsed = contents.map_err(str::to_owned).and_then(live_defaults::parse);
        sink.lock().unwrap().push(parsed.map_or_else(|error| error, |_| "valid".to_owned()));
    }));
    mount.swap(&[("defaults.yaml", "setings: {}\n")]);
    let invalid = reports(&log).await;
    assert!(invalid.len() == 1 && invalid[0].contains("setings"), "{invalid:?}");
    mount.swap(&[("defaults.yaml", &other)]);
    assert_eq!(reports(&log).await, ["valid"]);
}
