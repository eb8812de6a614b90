//! The source `metadata`: the app is told of a metadata server and nothing else, and the sidecar becomes who the pod is
//! at Google.

use rolebridge_core::annotations::SOURCE;
use rolebridge_core::env::app as name;
use rolebridge_fake_clouds::Detail;
use rolebridge_tests::world::{GOOGLE_ACCOUNT, Variant};

use crate::support::{exchanges, reads_the_rows, sessions, world};

#[tokio::test(flavor = "multi_thread")]
async fn from_an_annotated_pod_to_rows() {
    let world = world().await;
    let by_metadata = Variant { annotations: vec![(SOURCE, "metadata".to_owned())], ..Variant::default() };
    let pod = world.place(&by_metadata).await.unwrap();
    let environment = pod.manifest()["spec"]["containers"][0]["env"].to_string();
    assert!(
        environment.contains(name::METADATA_HOST) && !environment.contains(name::CREDENTIALS),
        "{environment}"
    );

    let _running = reads_the_rows(&pod).await;

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
