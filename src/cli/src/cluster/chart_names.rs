//! How the chart's objects are told from others', whoever installed them (Helm, kubectl) and whatever the release is called.

use k8s_openapi::api::core::v1::ConfigMap;

/// What every object of the chart carries; others' do too.
pub(crate) const SELECTOR: &str = "app.kubernetes.io/component=webhook";
/// The platform team's document in its ConfigMap.
const KEY: &str = "defaults.yaml";
const SUFFIX: &str = "-defaults";

/// The name of the ConfigMap with the platform team's document.
pub(crate) fn map_of_defaults(release: &str) -> String {
    format!("{release}{SUFFIX}")
}

/// The release's name, of the ConfigMap with its document.
pub(crate) fn release_of(map: &ConfigMap) -> Option<&str> {
    document(map)?;
    map.metadata.name.as_deref()?.strip_suffix(SUFFIX)
}

/// The platform team's document.
pub(crate) fn document(map: &ConfigMap) -> Option<&str> {
    map.data.as_ref()?.get(KEY).map(String::as_str)
}
