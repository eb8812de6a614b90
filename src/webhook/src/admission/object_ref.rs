//! Names of the reviewed object, for log lines and events.
//!
//! This is a separate pass over the body, made only for the few reviews that are logged or produce an event.

use std::fmt;

use k8s_openapi::api::core::v1::ObjectReference;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

/// Returns the object's name, or its `generateName`.
#[must_use]
pub fn object_name(body: &[u8]) -> String {
    let metadata = read_metadata(body).unwrap_or_default();
    metadata.name.or(metadata.generate_name).unwrap_or_default()
}

/// Returns the object that an event about the reviewed pod refers to: the pod's controller, else the pod itself. Returns
/// `None` for a pod without a controller and a name. A denied pod never exists, so users inspect its controller.
#[must_use]
pub fn event_target(namespace: &str, body: &[u8]) -> Option<ObjectReference> {
    let Metadata { name, owner_references: Controller(controller), .. } = read_metadata(body)?;
    let pod = || {
        Some(OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            name: name?,
            ..OwnerReference::default()
        })
    };
    let OwnerReference { api_version, kind, name, uid, .. } = controller.or_else(pod)?;
    Some(ObjectReference {
        api_version: Some(api_version),
        kind: Some(kind),
        name: Some(name),
        namespace: Some(namespace.to_owned()),
        uid,
        ..ObjectReference::default()
    })
}

fn read_metadata(body: &[u8]) -> Option<Metadata> {
    serde_json::from_slice::<Review>(body).ok().map(|review| review.request.object.metadata)
}

#[derive(Deserialize)]
struct Review {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: Option<String>,
    generate_name: Option<String>,
    owner_references: Controller,
}

/// The first owner that is the controller. The others are not kept: an empty one takes thirty times its bytes of the request.
#[derive(Default)]
struct Controller(Option<OwnerReference>);

impl<'de> Deserialize<'de> for Controller {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ControllerVisitor)
    }
}

struct ControllerVisitor;

impl<'de> Visitor<'de> for ControllerVisitor {
    type Value = Controller;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of owners")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut controller = None;
        while let Some(owner) = list.next_element::<OwnerReference>()? {
            controller = controller.or_else(|| Some(owner).filter(|owner| owner.controller));
        }
        Ok(Controller(controller))
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OwnerReference {
    api_version: String,
    kind: String,
    name: String,
    uid: Option<String>,
    controller: bool,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn owner(kind: &str, controller: bool) -> Value {
        json!({"apiVersion": "apps/v1", "kind": kind, "name": "batch-7d", "uid": "u1", "controller": controller,
            "blockOwnerDeletion": true})
    }

    #[rstest]
    #[case::named(json!({"name": "one"}), "one", Some(("Pod", "one")))]
    #[case::generated(json!({"generateName": "batch-7d-"}), "batch-7d-", None)]
    #[case::controlled(
        json!({"generateName": "batch-7d-", "ownerReferences": [owner("Other", false), owner("ReplicaSet", true)]}),
        "batch-7d-",
        Some(("ReplicaSet", "batch-7d"))
    )]
    #[case::owned(json!({"name": "one", "ownerReferences": [owner("Other", false)]}), "one", Some(("Pod", "one")))]
    fn event_target_is_the_controller_or_the_pod(
        #[case] metadata: Value,
        #[case] expected_name: &str,
        #[case] expected_target: Option<(&str, &str)>,
    ) {
        let body = json!({"request": {"object": {"metadata": metadata}}}).to_string();
        assert_eq!(object_name(body.as_bytes()), expected_name);
        let target = event_target("shop", body.as_bytes());
        let target = target.as_ref().map(|target| {
            assert_eq!(target.namespace.as_deref(), Some("shop"));
            (target.kind.as_deref().unwrap(), target.name.as_deref().unwrap())
        });
        assert_eq!(target, expected_target);
    }

    #[test]
    fn owners_are_not_kept() {
        assert_eq!(size_of::<Controller>(), size_of::<Option<OwnerReference>>());
        let owners: Vec<_> =
            (0..3).map(|number| json!({"name": number.to_string(), "controller": number > 0})).collect();
        let Controller(controller) = serde_json::from_value(owners.into()).unwrap();
        assert_eq!(controller.unwrap().name, "1");
    }

    #[test]
    fn event_target_of_an_invalid_body_is_none() {
        assert_eq!(event_target("shop", b"null"), None);
    }
}
