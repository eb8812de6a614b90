//! Files that change as the kubelet changes them, and bad versions that are not taken.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rolebridge_webhook::certificates::{self, Pair};
use rolebridge_webhook::defaults;
use rolebridge_webhook::watch_files::Watched;
use tokio::time::sleep;

use crate::support::DEFAULTS;
use crate::support::pki::{Issued, Mount};

const INTERVAL: Duration = Duration::from_secs(10);

/// Everything that was told about the files so far.
async fn told(heard: &Arc<Mutex<Vec<String>>>) -> Vec<String> {
    sleep(2 * INTERVAL).await;
    std::mem::take(&mut heard.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_taken_with_its_own_key_alone() {
    let (first, second, third) = (Issued::until(2077), Issued::until(2078), Issued::until(2079));
    let files = |certificate: &Issued, key: &Issued| {
        [("tls.crt", certificate.certificate.clone()), ("tls.key", key.key.clone())]
    };
    let swap = |mount: &mut Mount, files: [(&str, String); 2]| {
        mount.swap(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    };
    let mut mount = Mount::new(&files(&first, &first).each_ref().map(|(name, text)| (*name, text.as_str())));
    let paths = certificates::files(mount.path("tls.crt"), mount.path("tls.key"));
    let (watched, contents) = Watched::read(paths).unwrap();
    assert_eq!(Pair::parse(&contents).unwrap().not_after().to_string(), "2077-01-01T00:00:00Z");

    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&heard);
    tokio::spawn(watched.follow(INTERVAL, move |found| {
        let pair = found.map_err(str::to_owned).and_then(Pair::parse);
        hear.lock().unwrap().push(pair.map_or_else(|error| error, |pair| pair.not_after().to_string()));
    }));
    assert_eq!(told(&heard).await, Vec::<String>::new());
    swap(&mut mount, files(&second, &second));
    assert_eq!(told(&heard).await, ["2078-01-01T00:00:00Z"]);
    swap(&mut mount, files(&second, &second));
    assert_eq!(told(&heard).await, Vec::<String>::new(), "a swap that changes nothing is none");
    swap(&mut mount, files(&third, &second));
    assert_eq!(
        told(&heard).await,
        ["the key does not belong to the certificate: keys may not be consistent: KeyMismatch"]
    );
    swap(&mut mount, files(&third, &third));
    assert_eq!(told(&heard).await, ["2079-01-01T00:00:00Z"]);
    swap(&mut mount, [("tls.crt", "rubbish".to_owned()), ("tls.key", third.key.clone())]);
    assert_eq!(told(&heard).await, ["the certificate file holds no certificate"]);
    swap(&mut mount, [("tls.crt", third.certificate.clone()), ("tls.key", "rubbish".to_owned())]);
    let key = told(&heard).await;
    assert!(key[0].starts_with("the key file holds no readable private key"), "{key:?}");
    swap(&mut mount, [("tls.crt", third.certificate), ("other", String::new())]);
    let missing = told(&heard).await;
    assert!(
        missing[0].contains("--key") && missing[0].contains("cannot be read: No such file"),
        "{missing:?}"
    );
    assert_eq!(missing.len(), 1, "it is said once");
}

#[tokio::test(start_paused = true)]
async fn defaults_are_taken_if_they_are_good() {
    let other = DEFAULTS.replace("prod", "test");
    let mut mount = Mount::new(&[("defaults.yaml", DEFAULTS)]);
    let (watched, contents) = Watched::read(vec![defaults::file(mount.path("defaults.yaml"))]).unwrap();
    assert!(defaults::parse(&contents).is_ok());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&heard);
    tokio::spawn(watched.follow(INTERVAL, move |found| {
        let parsed = found.map_err(str::to_owned).and_then(defaults::parse);
        hear.lock().unwrap().push(parsed.map_or_else(|error| error, |_| "good".to_owned()));
    }));
    mount.swap(&[("defaults.yaml", "setings: {}\n")]);
    let bad = told(&heard).await;
    assert!(bad.len() == 1 && bad[0].contains("setings"), "{bad:?}");
    mount.swap(&[("defaults.yaml", &other)]);
    assert_eq!(told(&heard).await, ["good"]);
}
