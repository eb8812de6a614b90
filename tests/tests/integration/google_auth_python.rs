//! Google's Python library (google-auth), unchanged, as the app of the injected pod: it reads the `loopback`
//! configuration that the webhook wrote, and gets a token.

use rolebridge_core::external_account::ConfigKind;
use rolebridge_tests::world::{Variant, clouds_config};

use crate::python;
use crate::support::{exchanges, reads_the_rows, world_of};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python: tests/python/run runs it"]
async fn google_auth_gets_a_token_by_loopback() {
    let app = vec![python::interpreter().into(), python::script("google_auth_check.py").into()];
    let world = world_of(clouds_config().unwrap(), app).await;
    // The library `requests` has its own name for the file of roots.
    let env = vec![("REQUESTS_CA_BUNDLE", "/etc/clouds/ca.crt")];
    let pod = world
        .place(&Variant { source: Some(ConfigKind::Loopback), env, ..Variant::default() })
        .await
        .unwrap();
    let _running = reads_the_rows(&pod).await;
    let events = world.clouds.events();
    let [exchanged] = exchanges(&events)[..] else { panic!("{events:?}") };
    let signed = exchanged.signed_request().unwrap();
    assert_eq!(signed.host, "sts.eu-west-1.amazonaws.com");
    // Google's Python library leaves the audience unsigned: a subject token of its own making is good elsewhere too.
    assert!(!signed.audience_signed);
}
