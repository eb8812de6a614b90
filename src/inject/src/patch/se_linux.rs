//! The sidecar's `seLinuxOptions`: that of the containers that read its files, if they have one of their own in common.
//!
//! The container runtime gives a volume the label of the container that starts. With another level than the app's, the
//! sidecar's files would be hidden from the app.

use serde::Serialize;

use crate::settings::Settings;
use crate::view::{Container, Pod, SeLinuxOptions};

/// A label of `seLinuxOptions`.
#[derive(Debug, Serialize)]
pub(super) struct SeLinux<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'a str>,
}

impl<'a> SeLinux<'a> {
    /// Returns the label that all containers with credentials share, unless it is the pod's, which the sidecar has anyway.
    pub(super) fn for_sidecar(pod: &'a Pod<'_>, settings: &Settings<'_>) -> Option<Self> {
        let of_pod = pod.spec.security_context.as_ref().and_then(|context| context.se_linux_options.as_ref());
        let of = |container: &'a Container<'a>| {
            let context = container.security_context.as_ref();
            context.and_then(|context| context.se_linux_options.as_ref()).or(of_pod)
        };
        let containers = pod.containers().map(|(_, _, container)| container);
        let mut labels = containers.filter(|container| settings.containers.includes(container)).map(of);
        let shared = labels.next()??;
        let is_own = Some(shared) != of_pod && labels.all(|label| label == Some(shared));
        is_own.then(|| Self::from(shared))
    }
}

impl<'a> From<&'a SeLinuxOptions<'_>> for SeLinux<'a> {
    fn from(SeLinuxOptions { user, role, r#type, level }: &'a SeLinuxOptions<'_>) -> Self {
        Self {
            user: user.as_deref(),
            role: role.as_deref(),
            r#type: r#type.as_deref(),
            level: level.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::patch::tests::{DEFAULTS, injected, sidecar};

    const LABEL: &str = r#"{"level":"s0:c1,c2"}"#;

    #[rstest]
    #[case::shared("null", &[LABEL, LABEL], LABEL)]
    #[case::of_the_pod(LABEL, &["null"], "null")]
    #[case::like_the_pod(LABEL, &[LABEL], "null")]
    #[case::other_than_the_pod(r#"{"level":"s0"}"#, &[LABEL, LABEL], LABEL)]
    #[case::different("null", &[LABEL, r#"{"level":"s0"}"#], "null")]
    #[case::partly("null", &[LABEL, "null"], "null")]
    #[case::none("null", &["null"], "null")]
    fn sidecar_has_the_label_of_the_containers(
        #[case] pod: &str,
        #[case] containers: &[&str],
        #[case] expected: &str,
    ) {
        let parse = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
        let context = |text: &str| json!({"seLinuxOptions": parse(text)});
        let named = |(index, label): (usize, &&str)| json!({"name": format!("c{index}"), "image": "c:1", "securityContext": context(label)});
        // A service mesh's container does not read the files.
        let mesh = json!({"name": "linkerd-proxy", "restartPolicy": "Always"});
        let pod = json!({
            "metadata": {"annotations": {"rolebridge.io/inject": "true"}},
            "spec": {
                "securityContext": context(pod),
                "initContainers": [mesh],
                "containers": containers.iter().enumerate().map(named).collect::<Vec<_>>(),
            }
        });
        let (patched, _) = injected(&pod, DEFAULTS);
        assert_eq!(sidecar(&patched)["securityContext"]["seLinuxOptions"], parse(expected));
    }
}
