//! Whom the sidecar runs as: the one user of the pod, if it has one.
//!
//! The kubelet gives a projected token to the pod's one user alone (0600), or, if containers differ, to everybody
//! (0644). So another user in the sidecar would loosen every projected token of the pod. An `fsGroup` makes it 0640, and
//! the sidecar has that group as every container has.
//! Source: `FsUserFrom` in kubernetes/pkg/volume/util, and the projected volume's mounter.

use rolebridge_core::pod_names::{CONTAINER, USER};

use crate::{Pod, view};

/// The user and group of the sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunAs {
    pub(super) user: i64,
    pub(super) group: Option<i64>,
}

impl RunAs {
    pub(super) fn of_sidecar(pod: &Pod<'_>) -> Self {
        match shared_value(pod, |user| user.run_as_user) {
            Some(user) => Self { user, group: shared_value(pod, |user| user.run_as_group) },
            None => Self { user: USER, group: Some(USER) },
        }
    }

    pub(super) const fn is_root(self) -> bool {
        self.user == 0
    }
}

/// What holds for every container, its own word before the pod's.
fn shared_value(pod: &Pod<'_>, field: impl Fn(view::User) -> Option<i64>) -> Option<i64> {
    let of_pod = pod.spec.security_context.and_then(&field);
    let others = pod.containers().map(|(_, _, one)| one).filter(|one| *one.name != *CONTAINER);
    let mut values = others.map(|one| one.security_context.and_then(&field).or(of_pod));
    let first = values.next()??;
    values.all(|value| value == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::RunAs;

    #[test]
    fn the_common_user_else_our_own() {
        let ours = (65532, Some(65532));
        for (pod, containers, wanted) in [
            ("{}", vec!["{}"], ours),
            (r#"{"runAsUser":1000}"#, vec!["{}", "null"], (1000, None)),
            (r#"{"runAsUser":1000,"runAsGroup":3000}"#, vec!["{}"], (1000, Some(3000))),
            (r#"{"runAsUser":1000}"#, vec!["{}", r#"{"runAsUser":2000}"#], ours),
            (r#"{"runAsUser":1000,"runAsGroup":1}"#, vec!["{}", r#"{"runAsGroup":2}"#], (1000, None)),
            ("{}", vec![r#"{"runAsUser":7}"#, r#"{"runAsUser":7}"#], (7, None)),
            ("{}", vec![r#"{"runAsUser":7}"#, "{}"], ours),
            (r#"{"runAsUser":5}"#, vec![r#"{"runAsUser":7}"#, r#"{"runAsUser":7}"#], (7, None)),
            (r#"{"runAsUser":0}"#, vec!["{}"], (0, None)),
            ("{}", vec![r#"{"runAsUser":0}"#, r#"{"runAsUser":1000}"#], ours),
        ] {
            let list: Vec<_> = containers
                .iter()
                .enumerate()
                .map(|(at, context)| format!(r#"{{"name":"c{at}","securityContext":{context}}}"#))
                .collect();
            let json = format!(r#"{{"spec":{{"securityContext":{pod},"containers":[{}]}}}}"#, list.join(","));
            let RunAs { user, group } = RunAs::of_sidecar(&serde_json::from_str(&json).unwrap());
            assert_eq!((user, group), wanted, "{json}");
        }
    }

    #[test]
    fn an_init_container_counts_and_the_sidecar_itself_does_not() {
        let json = r#"{"spec":{
            "initContainers":[{"name":"rolebridge","securityContext":{"runAsUser":65532}},{"name":"migrate"}],
            "containers":[{"name":"web","securityContext":{"runAsUser":9}}]}}"#;
        let pod = serde_json::from_str(json).unwrap();
        assert_eq!(RunAs::of_sidecar(&pod).user, 65532);
        let json =
            json.replace(r#"{"name":"migrate"}"#, r#"{"name":"migrate","securityContext":{"runAsUser":9}}"#);
        assert_eq!(RunAs::of_sidecar(&serde_json::from_str(&json).unwrap()).user, 9);
    }
}
