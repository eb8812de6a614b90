//! Adds 127.0.0.1 to `NO_PROXY`: otherwise a container with a proxy would send its calls for credentials to the proxy.

use super::env::Variable;
use crate::settings::Settings;
use crate::settings::app_env::LOOPBACK_HOSTS;
use crate::view::{Container, Env};

const PROXY_VARIABLES: &[&str] =
    &["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The changes that let a container's calls to 127.0.0.1 bypass its proxy.
#[derive(Debug, Default)]
pub(super) struct NoProxyAdditions {
    /// Extended literal values, by their index in `env`.
    pub(super) extended: Vec<(usize, String)>,
    /// Missing variables.
    pub(super) missing: Vec<Variable<'static>>,
    /// True if a value comes from another object, so only the user can extend it.
    pub(super) unknown: bool,
}

/// Returns the changes for a container that calls the sidecar's server.
pub(super) fn additions(container: &Container<'_>, settings: &Settings<'_>) -> NoProxyAdditions {
    let present = NO_PROXY_VARIABLES.map(|name| container.variable(name));
    let mut additions = NoProxyAdditions::default();
    if !has_proxy(container) {
        // `envFrom` may set a proxy. That is likely if the sidecar has a proxy.
        additions.unknown = container.has_env_from() && settings.sidecar.https_proxy.is_some();
        return additions;
    }
    if present.iter().all(Option::is_none) {
        // A variable here would override the one that `envFrom` may set.
        additions.unknown = container.has_env_from();
        if !additions.unknown {
            additions.missing =
                NO_PROXY_VARIABLES.map(|name| Variable::new(name, LOOPBACK_HOSTS.join(","))).into();
        }
        return additions;
    }
    for variable in present.into_iter().flatten() {
        if variable.value_from.is_some() {
            additions.unknown = true;
        } else if let Some(value) = extend(variable.value.as_deref().unwrap_or_default()) {
            additions.extended.push((variable.index(), value));
        }
    }
    additions
}

fn has_proxy(container: &Container<'_>) -> bool {
    let is_set = |variable: &&Env<'_>| variable.literal() != Some("");
    PROXY_VARIABLES.iter().any(|name| container.variable(name).as_ref().is_some_and(is_set))
}

/// Appends 127.0.0.1 and localhost to a list. Returns `None` if it already contains them.
fn extend(list: &str) -> Option<String> {
    let has = |host: &str| list.split(',').any(|entry| [host, "*"].contains(&entry.trim()));
    let missing: Vec<_> = LOOPBACK_HOSTS.into_iter().filter(|host| !has(host)).collect();
    if missing.is_empty() {
        return None;
    }
    // The user's text is kept, including trailing blanks.
    let needs_no_comma = list.trim_end().is_empty() || list.trim_end().ends_with(',');
    let comma = if needs_no_comma { "" } else { "," };
    Some(format!("{list}{comma}{}", missing.join(",")))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::extend;

    #[rstest]
    #[case("", Some("127.0.0.1,localhost"))]
    #[case("10.0.0.0/8", Some("10.0.0.0/8,127.0.0.1,localhost"))]
    #[case("10.0.0.0/8,", Some("10.0.0.0/8,127.0.0.1,localhost"))]
    #[case("10.0.0.0/8, ", Some("10.0.0.0/8, 127.0.0.1,localhost"))]
    #[case(" .svc ", Some(" .svc ,127.0.0.1,localhost"))]
    #[case(" ", Some(" 127.0.0.1,localhost"))]
    #[case("localhost,.svc", Some("localhost,.svc,127.0.0.1"))]
    #[case("$(HOSTS)", Some("$(HOSTS),127.0.0.1,localhost"))]
    #[case(".svc, 127.0.0.1 ,localhost", None)]
    #[case("*", None)]
    fn extend_appends_only_missing_hosts(#[case] list: &str, #[case] expected: Option<&str>) {
        assert_eq!(extend(list).as_deref(), expected);
    }
}
