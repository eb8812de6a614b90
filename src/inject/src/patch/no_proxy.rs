//! A proxy in a container's environment would be asked for the loopback's credentials, unless `NO_PROXY` says otherwise.

use super::env::Variable;
use crate::Settings;
use crate::view::{Container, Env};

const PROXY_VARIABLES: &[&str] =
    &["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];
const LOOPBACK: [&str; 2] = ["127.0.0.1", "localhost"];

/// What a container needs so that the loopback is reached past its proxy.
#[derive(Debug, Default)]
pub(super) struct NoProxyAdditions {
    /// Literal values, by their place in `env`, extended.
    pub(super) extended: Vec<(usize, String)>,
    /// Variables that it lacks.
    pub(super) missing: Vec<Variable<'static>>,
    /// Whether a value comes from elsewhere, so that only the user can extend it.
    pub(super) unseen: bool,
}

/// Decides for a container whose source is `loopback`.
pub(super) fn additions(container: &Container<'_>, settings: &Settings<'_>) -> NoProxyAdditions {
    let present =
        NO_PROXY_VARIABLES.map(|name| container.env().iter().rposition(|variable| *variable.name == *name));
    let mut needed = NoProxyAdditions::default();
    if !has_proxy(container) {
        // `envFrom` may bring a proxy; it is likely where a proxy is used at all.
        needed.unseen = container.has_env_from() && settings.sidecar.https_proxy.is_some();
        return needed;
    }
    if present == [None, None] {
        // A variable here would hide the one that `envFrom` may bring.
        needed.unseen = container.has_env_from();
        if !needed.unseen {
            needed.missing = NO_PROXY_VARIABLES.map(|name| Variable::new(name, LOOPBACK.join(","))).into();
        }
        return needed;
    }
    for at in present.into_iter().flatten() {
        let variable = &container.env()[at];
        if variable.value_from.is_some() {
            needed.unseen = true;
        } else if let Some(value) = extended(variable.value.as_deref().unwrap_or_default()) {
            needed.extended.push((at, value));
        }
    }
    needed
}

fn has_proxy(container: &Container<'_>) -> bool {
    let says_one = |variable: &&Env<'_>| variable.literal() != Some("");
    PROXY_VARIABLES.iter().any(|name| container.variable(name).as_ref().is_some_and(says_one))
}

/// The list with the loopback in it; `None` if it is there already.
fn extended(list: &str) -> Option<String> {
    let has = |host: &str| list.split(',').any(|entry| [host, "*"].contains(&entry.trim()));
    let missing: Vec<_> = LOOPBACK.into_iter().filter(|host| !has(host)).collect();
    if missing.is_empty() {
        return None;
    }
    // What the user wrote stays to the last blank.
    let has_end = list.trim_end().is_empty() || list.trim_end().ends_with(',');
    let comma = if has_end { "" } else { "," };
    Some(format!("{list}{comma}{}", missing.join(",")))
}

#[cfg(test)]
mod tests {
    use super::extended;

    #[test]
    fn only_what_is_missing_is_appended() {
        for (list, wanted) in [
            ("", Some("127.0.0.1,localhost")),
            ("10.0.0.0/8", Some("10.0.0.0/8,127.0.0.1,localhost")),
            ("10.0.0.0/8,", Some("10.0.0.0/8,127.0.0.1,localhost")),
            ("10.0.0.0/8, ", Some("10.0.0.0/8, 127.0.0.1,localhost")),
            (" .svc ", Some(" .svc ,127.0.0.1,localhost")),
            (" ", Some(" 127.0.0.1,localhost")),
            ("localhost,.svc", Some("localhost,.svc,127.0.0.1")),
            ("$(HOSTS)", Some("$(HOSTS),127.0.0.1,localhost")),
            (".svc, 127.0.0.1 ,localhost", None),
            ("*", None),
        ] {
            assert_eq!(extended(list).as_deref(), wanted, "{list}");
        }
    }
}
