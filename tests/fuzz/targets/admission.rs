//! AdmissionReviews as the webhook decodes them, with its fast reader as with serde_json, and the decision about their pods and
//! workloads.
#![no_main]

#[allow(dead_code, reason = "the webhook uses the rest")]
#[path = "../../../src/webhook/src/admission/review.rs"]
mod review;

#[path = "../../../src/webhook/src/admission/compact_json/mod.rs"]
mod compact_json;

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use rolebridge_inject::workload::{Workload, preview};
use rolebridge_inject::{Context, Decision, Defaults, ObjectMetadata, Pod, Reason, admit};
use serde::Deserialize;
use serde_json::Value;

const PROVIDER: &str = "projects/123456789012/locations/global/workloadIdentityPools/aws-pool/providers/prod";
const ROLE: &str = "arn:aws:iam::111122223333:role/batch";

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = str::from_utf8(data) {
        compare::<review::Review<'_, Pod<'_>>>(text);
        compare::<review::Review<'_, Workload<'_>>>(text);
    }
    let account = metadata(&[("eks.amazonaws.com/role-arn", ROLE), ("rolebridge.io/provider", PROVIDER)]);
    let context = Context {
        namespace: "shop",
        service_account: Some(&account),
        namespace_metadata: None,
        defaults: &Defaults::default(),
    };
    if let Ok(request) = review::decode::<Pod<'_>>(data)
        && let Some(pod) = request.object
    {
        check_pod(data, &pod, &context);
    }
    if let Ok(request) = review::decode::<Workload<'_>>(data)
        && let Some(workload) = request.object
    {
        let _ = preview(&workload, &context);
    }
});

/// Checks that the fast reader of JSON returns what serde_json returns.
fn compare<'a, T: Debug + Deserialize<'a>>(text: &'a str) {
    if let Some(found) = compact_json::from_str::<T>(text) {
        let expected = serde_json::from_str::<T>(text).expect("serde_json accepts what the reader accepts");
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }
}

fn metadata(annotations: &[(&str, &str)]) -> ObjectMetadata {
    let annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    ObjectMetadata::new(annotations, Vec::<(String, String)>::new())
}

/// Checks that a patch can be applied, and that the injected pod needs no other.
fn check_pod(data: &[u8], pod: &Pod<'_>, context: &Context<'_>) {
    let Decision::Patch(patch) = admit(pod, context).decision else { return };
    let operations = patch.operations().expect("a patch is valid");
    let mut review: Value = serde_json::from_slice(data).expect("the review was decoded");
    let object = &mut review["request"]["object"];
    json_patch::patch(object, &operations).expect("the patch matches the pod");
    let injected = object.to_string();
    let injected = serde_json::from_str(&injected).expect("an injected pod is a pod");
    assert_eq!(admit(&injected, context).decision, Decision::Skip(Reason::AlreadyInjected));
}
