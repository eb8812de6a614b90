//! The source `metadata`: the app is configured with a metadata server only, and the sidecar authenticates to Google.

use rolebridge_core::annotations::SOURCE;
use rolebridge_core::env::app as name;
use rolebridge_fake_clouds::Detail;
use rolebridge_tests::world::{GOOGLE_ACCOUNT, Variant};

use crate::support::{exchanges, run_until_rows_are_read, sessions, world};

#[tokio::test(flavor = "multi_thread")]
async fn annotated_pod_with_metadata_source_reads_rows() {
    let world = world().await;
    let variant = Variant { annotations: vec![(SOURCE, "metadata".to_owned())], ..Variant::default() };
    let pod = world.create_pod(&variant).await.unwrap();
    let env = pod.manifest()["spec"]["containers"][0]["env"].to_string();
    assert!(env.contains(name::METADATA_HOST) && !env.contains(name::CREDENTIALS), "{env}");

    let _running = run_until_rows_are_read(&pod).await;

    let events = world.clouds.events();
    let [session] = sessions(&events)[..] else { panic!("{events:?}") };
    let [exchanged] = exchanges(&events)[..] else { panic!("{events:?}") };
    assert_eq!(exchanged.attributes["google.subject"], session.session_arn);
    let reader = events.iter().find_map(|event| match &event.detail {
        Detail::TableRead { principal, .. } => Some(principal.clone()),
        _ => None,
    });
    assert_eq!(reader, Some(format!("serviceAccount:{GOOGLE_ACCOUNT}")));
}
