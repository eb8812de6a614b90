//! Google's Python library (google-auth), unchanged, as the app of the injected pod: it reads the `loopback`
//! configuration that the webhook wrote, and gets a token.
//!
//! Runs when `ROLEBRIDGE_PYTHON` names an interpreter that has google-auth and requests:
//!
//!     python3 -m venv .cache/python && .cache/python/bin/pip install google-auth requests
//!     ROLEBRIDGE_PYTHON=.cache/python/bin/python cargo test -p rolebridge-tests --test programs google_auth

use crate::support::{PATIENCE, exchanges, lines, rows, world_of};
use rolebridge_contract::external_account::Source;
use rolebridge_tests::world::{APP, Variant, clouds_config};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/google_auth_check.py");

#[tokio::test(flavor = "multi_thread")]
async fn google_auth_gets_a_token_by_loopback() {
    let Some(python) = std::env::var_os("ROLEBRIDGE_PYTHON") else {
        println!("skipped: ROLEBRIDGE_PYTHON names no Python interpreter with google-auth");
        return;
    };
    let python = std::path::absolute(&python).unwrap();
    assert!(python.exists(), "ROLEBRIDGE_PYTHON: there is no {}", python.display());
    let world = world_of(clouds_config().unwrap(), vec![python.into(), SCRIPT.into()]).await;
    // The library `requests` has its own name for the file of roots.
    let env = vec![("REQUESTS_CA_BUNDLE", "/etc/clouds/ca.crt")];
    let pod =
        world.place(&Variant { source: Some(Source::Loopback), env, ..Variant::default() }).await.unwrap();
    let mut running = pod.run(PATIENCE).await.unwrap();
    let app = running.process(APP).unwrap();
    let status = app.wait(PATIENCE).await.unwrap();
    assert!(status.success(), "{}", app.log().text());
    assert_eq!(lines(app), [rows()]);
    let events = world.clouds.events();
    let [exchanged] = exchanges(&events)[..] else { panic!("{events:?}") };
    assert_eq!(exchanged.signed_host, "sts.eu-west-1.amazonaws.com");
    // Google's Python library leaves the audience unsigned: a subject token of its own making is good elsewhere too.
    assert!(!exchanged.audience_signed);
}
