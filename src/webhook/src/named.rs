//! What a log line and an event call the object of a review: a pass of its own over the body, for the few reviews that
//! are spoken of.

use k8s_openapi::api::core::v1::ObjectReference;
use serde::Deserialize;

/// The object's name, or what its name will begin with.
#[must_use]
pub fn name(body: &[u8]) -> String {
    let object = read(body).unwrap_or_default();
    object.name.or(object.generate_name).unwrap_or_default()
}

/// What a person would look at to learn about the pod of a review: its controller, else the pod, which may never exist.
/// `None` for one that has no name yet.
#[must_use]
pub fn subject(namespace: &str, body: &[u8]) -> Option<ObjectReference> {
    let Metadata { name, owner_references, .. } = read(body)?;
    let owner = owner_references.into_iter().find(|owner| owner.controller);
    let own = || {
        Some(Owner { api_version: "v1".to_owned(), kind: "Pod".to_owned(), name: name?, ..Owner::default() })
    };
    let Owner { api_version, kind, name, uid, .. } = owner.or_else(own)?;
    Some(ObjectReference {
        api_version: Some(api_version),
        kind: Some(kind),
        name: Some(name),
        namespace: Some(namespace.to_owned()),
        uid,
        ..ObjectReference::default()
    })
}

fn read(body: &[u8]) -> Option<Metadata> {
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
    owner_references: Vec<Owner>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Owner {
    api_version: String,
    kind: String,
    name: String,
    uid: Option<String>,
    controller: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_pod_is_spoken_of_by_its_controller_else_by_its_name() {
        let owner = |kind, controller| {
            json!({"apiVersion": "apps/v1", "kind": kind, "name": "batch-7d", "uid": "u1", "controller": controller,
                "blockOwnerDeletion": true})
        };
        for (metadata, called, about) in [
            (json!({"name": "one"}), "one", Some(("Pod", "one"))),
            (json!({"generateName": "batch-7d-"}), "batch-7d-", None),
            (
                json!({"generateName": "batch-7d-", "ownerReferences": [owner("Other", false), owner("ReplicaSet", true)]}),
                "batch-7d-",
                Some(("ReplicaSet", "batch-7d")),
            ),
            (json!({"name": "one", "ownerReferences": [owner("Other", false)]}), "one", Some(("Pod", "one"))),
        ] {
            let body = json!({"request": {"object": {"metadata": metadata}}}).to_string();
            assert_eq!(name(body.as_bytes()), called);
            let found = subject("shop", body.as_bytes());
            let found = found.as_ref().map(|found| {
                assert_eq!(found.namespace.as_deref(), Some("shop"));
                (found.kind.as_deref().unwrap(), found.name.as_deref().unwrap())
            });
            assert_eq!(found, about);
        }
        assert_eq!(subject("shop", Value::Null.to_string().as_bytes()), None);
    }
}
