//! Google's Python library (google-auth), unchanged, as the app of an injected pod. It reads the `loopback`
//! configuration that the webhook wrote, and gets a token.

use rolebridge_core::external_account::ConfigKind;
use rolebridge_tests::world::{Variant, clouds_config};

use crate::python;
use crate::support::{exchanges, run_until_rows_are_read, world_with_app};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python: tests/python/run runs it"]
async fn google_auth_with_loopback_gets_a_token() {
    let app = vec![python::interpreter().into(), python::script("google_auth_check.py").into()];
    let world = world_with_app(clouds_config().unwrap(), app).await;
    // The library `requests` has its own variable for the CA bundle.
    let env = vec![("REQUESTS_CA_BUNDLE", "/etc/clouds/ca.crt")];
    let pod = world
        .create_pod(&Variant { source: Some(ConfigKind::Loopback), env, ..Variant::default() })
        .await
        .unwrap();
    let _running = run_until_rows_are_read(&pod).await;
    let events = world.clouds.events();
    let [exchanged] = exchanges(&events)[..] else { panic!("{events:?}") };
    let signed = exchanged.signed_request().unwrap();
    assert_eq!(signed.host, "sts.eu-west-1.amazonaws.com");
    // Google's Python library leaves the audience unsigned, so its subject token is valid for other providers too.
    assert!(!signed.audience_signed);
}
