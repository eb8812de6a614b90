//! Kinds of objects with a pod, and references such as `deployment/batch`.

/// A kind of object that has a pod or a pod template.
#[derive(Debug)]
pub(crate) struct WorkloadKind {
    /// The kind's name, for example `Deployment`.
    pub(crate) name: &'static str,
    /// The API group; empty for the core group.
    pub(crate) group: &'static str,
    /// The short name in kubectl.
    short: &'static str,
    /// The path of the pod template in the object; empty if the object is a pod.
    pub(crate) pod_path: &'static [&'static str],
}

const TEMPLATE: &[&str] = &["spec", "template"];

const KINDS: &[WorkloadKind] = &[
    WorkloadKind { name: "Pod", group: "", short: "po", pod_path: &[] },
    WorkloadKind { name: "Deployment", group: "apps", short: "deploy", pod_path: TEMPLATE },
    WorkloadKind { name: "StatefulSet", group: "apps", short: "sts", pod_path: TEMPLATE },
    WorkloadKind { name: "DaemonSet", group: "apps", short: "ds", pod_path: TEMPLATE },
    WorkloadKind { name: "ReplicaSet", group: "apps", short: "rs", pod_path: TEMPLATE },
    WorkloadKind { name: "ReplicationController", group: "", short: "rc", pod_path: TEMPLATE },
    WorkloadKind { name: "Job", group: "batch", short: "job", pod_path: TEMPLATE },
    WorkloadKind {
        name: "CronJob",
        group: "batch",
        short: "cj",
        pod_path: &["spec", "jobTemplate", "spec", "template"],
    },
    WorkloadKind { name: "PodTemplate", group: "", short: "podtemplate", pod_path: &["template"] },
];

impl WorkloadKind {
    /// Returns the kind of an object by its `apiVersion` and `kind`.
    pub(crate) fn of(api_version: &str, name: &str) -> Option<&'static Self> {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        KINDS.iter().find(|kind| kind.name == name && kind.group == group)
    }

    /// Returns the kind by a name that kubectl accepts: `deployment`, `deployments`, `deploy` or `deployment.apps`.
    fn from_user_input(name: &str) -> Option<&'static Self> {
        let name = name.to_ascii_lowercase();
        let name = name.split_once('.').map_or(&*name, |(name, _)| name);
        let matches = |kind: &&Self| {
            let singular = kind.name.to_ascii_lowercase();
            name == kind.short || name == singular || name.strip_suffix('s') == Some(&*singular)
        };
        KINDS.iter().find(matches)
    }
}

/// A reference to an object by kind and name: `deployment/batch`.
#[derive(Debug, Clone)]
pub(crate) struct ObjectRef {
    pub(crate) kind: &'static WorkloadKind,
    pub(crate) name: String,
}

impl ObjectRef {
    /// Parses a command line argument.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expected = "expected KIND/NAME, for example pod/NAME or deployment/NAME";
        let (kind, name) = text.split_once('/').ok_or(expected)?;
        if name.is_empty() || name.contains('/') {
            return Err(expected.to_owned());
        }
        let kind = WorkloadKind::from_user_input(kind).ok_or_else(|| {
            let kinds: Vec<_> = KINDS.iter().map(|kind| kind.name.to_ascii_lowercase()).collect();
            format!("expected one of the kinds {}, found {kind:?}", kinds.join(", "))
        })?;
        Ok(Self { kind, name: name.to_owned() })
    }

    /// Returns the reference as text: `Deployment/batch`.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.kind.name, self.name)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("pod/a", "Pod/a")]
    #[case("po/a", "Pod/a")]
    #[case("Deployment/a", "Deployment/a")]
    #[case("deployments/a", "Deployment/a")]
    #[case("deployment.apps/a", "Deployment/a")]
    #[case("sts/a", "StatefulSet/a")]
    #[case("cj/a", "CronJob/a")]
    fn parse_accepts_kubectl_names(#[case] text: &str, #[case] title: &str) {
        assert_eq!(ObjectRef::parse(text).unwrap().title(), title);
    }

    #[rstest]
    #[case("a", "expected KIND/NAME")]
    #[case("pod/", "expected KIND/NAME")]
    #[case("pod/a/b", "expected KIND/NAME")]
    #[case("service/a", "found \"service\"")]
    fn parse_invalid_reference_says_what_is_expected(#[case] text: &str, #[case] message: &str) {
        let error = ObjectRef::parse(text).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}
