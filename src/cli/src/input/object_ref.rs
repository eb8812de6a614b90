//! The kinds of objects that have a pod, and how people call them.

/// A kind of object that has a pod.
#[derive(Debug)]
pub(crate) struct WorkloadKind {
    /// Such as `Deployment`.
    pub(crate) name: &'static str,
    /// Empty for the core group.
    pub(crate) group: &'static str,
    /// As kubectl abbreviates it.
    short: &'static str,
    /// Where the pod lies: the object itself, or the template that its controller makes pods of.
    pub(crate) pod: &'static [&'static str],
}

const TEMPLATE: &[&str] = &["spec", "template"];

const KINDS: &[WorkloadKind] = &[
    WorkloadKind { name: "Pod", group: "", short: "po", pod: &[] },
    WorkloadKind { name: "Deployment", group: "apps", short: "deploy", pod: TEMPLATE },
    WorkloadKind { name: "StatefulSet", group: "apps", short: "sts", pod: TEMPLATE },
    WorkloadKind { name: "DaemonSet", group: "apps", short: "ds", pod: TEMPLATE },
    WorkloadKind { name: "ReplicaSet", group: "apps", short: "rs", pod: TEMPLATE },
    WorkloadKind { name: "ReplicationController", group: "", short: "rc", pod: TEMPLATE },
    WorkloadKind { name: "Job", group: "batch", short: "job", pod: TEMPLATE },
    WorkloadKind {
        name: "CronJob",
        group: "batch",
        short: "cj",
        pod: &["spec", "jobTemplate", "spec", "template"],
    },
    WorkloadKind { name: "PodTemplate", group: "", short: "podtemplate", pod: &["template"] },
];

impl WorkloadKind {
    /// The kind of an object.
    pub(crate) fn of(api_version: &str, name: &str) -> Option<&'static Self> {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        KINDS.iter().find(|kind| kind.name == name && kind.group == group)
    }

    /// The kind that a person means: `deployment`, `deployments`, `deploy` or `deployment.apps`.
    fn from_user_input(name: &str) -> Option<&'static Self> {
        let name = name.to_ascii_lowercase();
        let name = name.split_once('.').map_or(&*name, |(name, _)| name);
        let is_called = |kind: &&WorkloadKind| {
            let singular = kind.name.to_ascii_lowercase();
            name == kind.short || name == singular || name.strip_suffix('s') == Some(&*singular)
        };
        KINDS.iter().find(is_called)
    }
}

/// An object that a person named: `deployment/batch`.
#[derive(Debug, Clone)]
pub(crate) struct ObjectRef {
    pub(crate) kind: &'static WorkloadKind,
    pub(crate) name: String,
}

impl ObjectRef {
    /// For the command line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let right = "such as pod/NAME or deployment/NAME would be right";
        let (kind, name) = text.split_once('/').ok_or_else(|| format!("it has no slash; {right}"))?;
        if name.is_empty() || name.contains('/') {
            return Err(format!("it has no name after the slash; {right}"));
        }
        let kind = WorkloadKind::from_user_input(kind).ok_or_else(|| {
            let known: Vec<_> = KINDS.iter().map(|kind| kind.name.to_ascii_lowercase()).collect();
            format!("{kind:?} is no kind that has a pod: {}", known.join(", "))
        })?;
        Ok(Self { kind, name: name.to_owned() })
    }

    /// `Deployment/batch`.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.kind.name, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_called_as_kubectl_does() {
        for (text, title) in [
            ("pod/a", "Pod/a"),
            ("po/a", "Pod/a"),
            ("Deployment/a", "Deployment/a"),
            ("deployments/a", "Deployment/a"),
            ("deployment.apps/a", "Deployment/a"),
            ("sts/a", "StatefulSet/a"),
            ("cj/a", "CronJob/a"),
        ] {
            assert_eq!(ObjectRef::parse(text).unwrap().title(), title);
        }
    }

    #[test]
    fn what_is_no_target_is_told_what_would_be() {
        for (text, said) in [
            ("a", "it has no slash"),
            ("pod/", "no name after the slash"),
            ("pod/a/b", "no name after the slash"),
            ("service/a", "\"service\" is no kind that has a pod"),
        ] {
            let error = ObjectRef::parse(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
