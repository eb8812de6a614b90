//! The differences between two pods, so a test can check each of them.
//!
//! Elements of a pod's lists are identified by name (mounts by path), in order: a new first element is one addition, not a
//! change of every element.

use serde_json::{Map, Value};

/// A difference.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// The path: keys and names of elements, such as `["spec", "containers", "app", "env", "LANG"]`.
    pub(crate) path: Vec<String>,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Added(Value),
    Removed(Value),
    Changed(Value, Value),
}

/// Returns every difference from the pod before to the pod after.
pub(crate) fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    changes.value(&mut Vec::new(), before, after);
    changes.0
}

struct Changes(Vec<Change>);

/// Maps and lists that the patch creates if they are absent or null. Only their contents are compared.
const CREATED: &[&str] = &[
    "metadata",
    "annotations",
    "initContainers",
    "volumes",
    "imagePullSecrets",
    "env",
    "volumeMounts",
    "hostAliases",
    "securityContext",
    "sysctls",
];

impl Changes {
    fn value(&mut self, path: &mut Vec<String>, before: &Value, after: &Value) {
        let is_created = path.last().is_some_and(|last| CREATED.contains(&last.as_str())) && before.is_null();
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => self.object(path, before, after),
            (Value::Array(before), Value::Array(after)) => self.array(path, before, after),
            (Value::Null, Value::Object(after)) if is_created => self.object(path, &Map::new(), after),
            (Value::Null, Value::Array(after)) if is_created => self.array(path, &[], after),
            _ if same(before, after) => {}
            _ => self.push(path, Kind::Changed(before.clone(), after.clone())),
        }
    }

    fn object(&mut self, path: &mut Vec<String>, before: &Map<String, Value>, after: &Map<String, Value>) {
        for (key, old) in before {
            path.push(key.clone());
            match after.get(key) {
                Some(new) => self.value(path, old, new),
                None => self.push(path, Kind::Removed(old.clone())),
            }
            path.pop();
        }
        for (key, new) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
            path.push(key.clone());
            if CREATED.contains(&key.as_str()) {
                self.value(path, &Value::Null, new);
            } else {
                self.push(path, Kind::Added(new.clone()));
            }
            path.pop();
        }
    }

    fn array(&mut self, path: &mut Vec<String>, before: &[Value], after: &[Value]) {
        let mut rest = after.iter();
        for old in before {
            path.push(name(old));
            match rest.as_slice().iter().position(|new| name(new) == name(old)) {
                Some(index) => {
                    for added in rest.by_ref().take(index) {
                        path.pop();
                        path.push(name(added));
                        self.push(path, Kind::Added(added.clone()));
                    }
                    path.pop();
                    path.push(name(old));
                    self.value(path, old, rest.next().unwrap());
                }
                None => self.push(path, Kind::Removed(old.clone())),
            }
            path.pop();
        }
        for added in rest {
            path.push(name(added));
            self.push(path, Kind::Added(added.clone()));
            path.pop();
        }
    }

    fn push(&mut self, path: &[String], kind: Kind) {
        self.0.push(Change { path: path.to_vec(), kind });
    }
}

/// Compares text: a patch must not change 1 to 1.0.
fn same(before: &Value, after: &Value) -> bool {
    let (before, after) = (before.to_string(), after.to_string());
    before == after
}

/// Returns the identity of a list element: its mount path, its name, else its text.
fn name(element: &Value) -> String {
    ["mountPath", "name"]
        .into_iter()
        .find_map(|key| element.get(key)?.as_str())
        .map_or_else(|| element.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_include_additions_removals_and_changes() {
        let before = json!({"spec": {
            "volumes": null,
            "containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}],
            "gone": 1,
            "number": 1,
        }});
        let after = json!({"spec": {
            "volumes": [{"name": "v"}],
            "containers": [
                {"name": "first"},
                {"name": "a", "env": [{"name": "X", "value": "2"}, {"name": "Y"}]},
                {"name": "b", "volumeMounts": [{"name": "v", "mountPath": "/v"}]},
            ],
            "number": 1.0,
        }});
        let mut differences: Vec<_> = changes(&before, &after)
            .into_iter()
            .map(|change| {
                let kind = match change.kind {
                    Kind::Added(_) => '+',
                    Kind::Removed(_) => '-',
                    Kind::Changed(..) => '~',
                };
                format!("{kind} {}", change.path.join(" "))
            })
            .collect();
        differences.sort();
        assert_eq!(
            differences,
            [
                "+ spec containers a env Y",
                "+ spec containers b volumeMounts /v",
                "+ spec containers first",
                "+ spec volumes v",
                "- spec gone",
                "~ spec containers a env X value",
                "~ spec number",
            ]
        );
    }

    #[test]
    fn changes_include_a_different_order() {
        let pod = |names: [&str; 2]| json!({"containers": names.map(|name| json!({"name": name}))});
        assert!(!changes(&pod(["a", "b"]), &pod(["b", "a"])).is_empty());
        assert!(changes(&pod(["a", "b"]), &pod(["a", "b"])).is_empty());
    }
}
