//! The sidecar's user and group: those that all containers of the pod share, if there are any.
//!
//! If all containers run as one user, the kubelet makes projected tokens readable only to that user (0600), else to all
//! users (0644). Another user in the sidecar would therefore loosen the mode of every projected token in the pod. With an
//! `fsGroup` the mode is 0640, and the sidecar has that group like every container.
//! Source: `FsUserFrom` in kubernetes/pkg/volume/util, and the projected volume's mounter.

use rolebridge_core::pod_names::{CONTAINER, USER};

use crate::view::{Pod, SecurityContext};

/// The user and group of the sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunAs {
    pub(super) user: i64,
    pub(super) group: Option<i64>,
}

impl RunAs {
    /// Returns the sidecar's user and group in the pod.
    pub(super) fn for_sidecar(pod: &Pod<'_>) -> Self {
        match shared_value(pod, |user| user.run_as_user) {
            Some(user) => Self { user, group: shared_value(pod, |user| user.run_as_group) },
            None => Self { user: USER, group: Some(USER) },
        }
    }

    pub(super) const fn is_root(self) -> bool {
        self.user == 0
    }
}

/// Returns the value that all containers share. A container's own value takes precedence over the pod's.
pub(super) fn shared_value<'a, T: PartialEq>(
    pod: &'a Pod<'_>,
    field: impl Fn(&'a SecurityContext<'a>) -> Option<T> + Copy,
) -> Option<T> {
    let of = |context: &'a Option<SecurityContext<'a>>| context.as_ref().and_then(field);
    let containers = pod.containers().map(|(_, _, container)| container);
    let others = containers.filter(|container| *container.name != *CONTAINER);
    let mut values =
        others.map(|container| of(&container.security_context).or_else(|| of(&pod.spec.security_context)));
    let first = values.next()??;
    values.all(|value| value.as_ref() == Some(&first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::RunAs;

    #[test]
    fn sidecar_runs_as_the_shared_user_else_as_65532() {
        let default = (65532, Some(65532));
        for (pod, containers, expected) in [
            ("{}", vec!["{}"], default),
            (r#"{"runAsUser":1000}"#, vec!["{}", "null"], (1000, None)),
            (r#"{"runAsUser":1000,"runAsGroup":3000}"#, vec!["{}"], (1000, Some(3000))),
            (r#"{"runAsUser":1000}"#, vec!["{}", r#"{"runAsUser":2000}"#], default),
            (r#"{"runAsUser":1000,"runAsGroup":1}"#, vec!["{}", r#"{"runAsGroup":2}"#], (1000, None)),
            ("{}", vec![r#"{"runAsUser":7}"#, r#"{"runAsUser":7}"#], (7, None)),
            ("{}", vec![r#"{"runAsUser":7}"#, "{}"], default),
            (r#"{"runAsUser":5}"#, vec![r#"{"runAsUser":7}"#, r#"{"runAsUser":7}"#], (7, None)),
            (r#"{"runAsUser":0}"#, vec!["{}"], (0, None)),
            ("{}", vec![r#"{"runAsUser":0}"#, r#"{"runAsUser":1000}"#], default),
        ] {
            let list: Vec<_> = containers
                .iter()
                .enumerate()
                .map(|(index, context)| format!(r#"{{"name":"c{index}","securityContext":{context}}}"#))
                .collect();
            let json = format!(r#"{{"spec":{{"securityContext":{pod},"containers":[{}]}}}}"#, list.join(","));
            let RunAs { user, group } = RunAs::for_sidecar(&serde_json::from_str(&json).unwrap());
            assert_eq!((user, group), expected, "{json}");
        }
    }

    #[test]
    fn shared_user_includes_init_containers_but_not_the_sidecar() {
        let json = r#"{"spec":{
            "initContainers":[{"name":"rolebridge","securityContext":{"runAsUser":65532}},{"name":"migrate"}],
            "containers":[{"name":"web","securityContext":{"runAsUser":9}}]}}"#;
        let pod = serde_json::from_str(json).unwrap();
        assert_eq!(RunAs::for_sidecar(&pod).user, 65532);
        let json =
            json.replace(r#"{"name":"migrate"}"#, r#"{"name":"migrate","securityContext":{"runAsUser":9}}"#);
        assert_eq!(RunAs::for_sidecar(&serde_json::from_str(&json).unwrap()).user, 9);
    }
}
