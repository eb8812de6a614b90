//! The namespaces and pods that belong to a release, by the selectors of the webhook configurations.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};

use crate::cluster::chart_names::{POD_ENTRY, entries};

/// The label that API servers set on every namespace.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The names of the chart's own conditions, which are the same in each release.
const OWN_CONDITIONS: [&str; 3] = ["opted-in", "not-a-mirror-pod", "pod-is-not-annotated"];

/// The labels of an object.
pub(crate) type Labels = BTreeMap<String, String>;

/// The release that API servers call for a pod, or for the pods of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    /// The checked one, perhaps among others.
    Own,
    /// Only another one.
    Other,
    /// None.
    Excluded,
}

/// The selectors of the checked release and of the others.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    own: Vec<Selectors>,
    others: Vec<Selectors>,
}

impl Scope {
    /// Reads the selectors of the entries for annotated pods.
    pub(crate) fn new(own: &[MutatingWebhookConfiguration], others: &[MutatingWebhookConfiguration]) -> Self {
        Self { own: Selectors::all(own), others: Selectors::all(others) }
    }

    /// Decides to which release a namespace belongs, if its pods have the right labels.
    pub(crate) fn membership(&self, namespace: &str, labels: &Labels) -> Membership {
        let labels = with_name(namespace, labels);
        self.decide(|selectors| selectors.namespaces.matches(&labels))
    }

    /// Decides to which release a pod belongs.
    pub(crate) fn pod_membership(
        &self,
        namespace: &str,
        namespace_labels: &Labels,
        pod_labels: &Labels,
    ) -> Membership {
        let labels = with_name(namespace, namespace_labels);
        self.decide(|selectors| selectors.namespaces.matches(&labels) && selectors.pods.matches(pod_labels))
    }

    /// Without any entry, which is reported, everything is the release's.
    fn decide(&self, is_selected: impl Fn(&Selectors) -> bool) -> Membership {
        if self.own.is_empty() || self.own.iter().any(&is_selected) {
            Membership::Own
        } else if self.others.iter().any(&is_selected) {
            Membership::Other
        } else {
            Membership::Excluded
        }
    }
}

/// The selectors of an entry for pods. A missing selector matches everything.
#[derive(Debug)]
struct Selectors {
    namespaces: Selector,
    pods: Selector,
}

impl Selectors {
    fn all(configurations: &[MutatingWebhookConfiguration]) -> Vec<Self> {
        let entries = configurations.iter().flat_map(entries).filter(|entry| entry.name == POD_ENTRY);
        entries.map(Self::of).collect()
    }

    fn of(entry: &MutatingWebhook) -> Self {
        // API servers accept only valid selectors.
        let selector = |selector: &Option<LabelSelector>| {
            Selector::try_from(selector.clone().unwrap_or_default()).unwrap_or_default()
        };
        Self { namespaces: selector(&entry.namespace_selector), pods: selector(&entry.object_selector) }
    }
}

/// Returns the labels of a namespace as API servers see them.
fn with_name(namespace: &str, labels: &Labels) -> Labels {
    let mut labels = labels.clone();
    labels.entry(NAME_LABEL.to_owned()).or_insert_with(|| namespace.to_owned());
    labels
}

/// Returns true if an entry has conditions in addition to those of the chart, which only an API server evaluates.
pub(crate) fn has_additional_conditions(entry: &MutatingWebhook) -> bool {
    let mut conditions = entry.match_conditions.iter().flatten();
    conditions.any(|condition| !OWN_CONDITIONS.contains(&&*condition.name))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn configuration(namespace_selector: &Value, object_selector: &Value) -> MutatingWebhookConfiguration {
        serde_json::from_value(json!({"webhooks": [{
            "name": POD_ENTRY, "clientConfig": {}, "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "namespaceSelector": namespace_selector, "objectSelector": object_selector,
        }]}))
        .unwrap()
    }

    fn expression(key: &str, operator: &str, values: &[&str]) -> Value {
        match values {
            [] => json!({"matchExpressions": [{"key": key, "operator": operator}]}),
            _ => json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}),
        }
    }

    #[rstest]
    #[case::empty(json!({}), json!({}), true)]
    #[case::missing(json!(null), json!(null), true)]
    #[case::label(json!({"matchLabels": {"team": "shop"}}), json!({}), true)]
    #[case::other_value(json!({"matchLabels": {"team": "lab"}}), json!({}), false)]
    #[case::absent_label(json!({"matchLabels": {"stage": "shop"}}), json!({}), false)]
    #[case::both_kinds(
        json!({"matchLabels": {"team": "shop"}, "matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}),
        json!({}), false)]
    #[case::one_of(expression("team", "In", &["lab", "shop"]), json!({}), true)]
    #[case::not_one_of(expression("team", "In", &["lab"]), json!({}), false)]
    #[case::not_in_the_value(expression("team", "NotIn", &["shop"]), json!({}), false)]
    #[case::not_in_an_absent_label(expression("stage", "NotIn", &["shop"]), json!({}), true)]
    #[case::exists(expression("team", "Exists", &[]), json!({}), true)]
    #[case::does_not_exist(expression("team", "DoesNotExist", &[]), json!({}), false)]
    #[case::name(json!({"matchLabels": {NAME_LABEL: "office"}}), json!({}), true)]
    #[case::excluded_name(expression(NAME_LABEL, "NotIn", &["kube-system", "office"]), json!({}), false)]
    #[case::pod_label(json!({}), json!({"matchLabels": {"tier": "web"}}), true)]
    #[case::other_pod_label(json!({}), expression("tier", "NotIn", &["web"]), false)]
    #[case::label_of_the_namespace(json!({}), json!({"matchLabels": {"team": "shop"}}), false)]
    fn pod_is_selected_as_by_an_api_server(
        #[case] namespaces: Value,
        #[case] pods: Value,
        #[case] is_selected: bool,
    ) {
        let labels = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let (namespace, pod) = (labels("team", "shop"), labels("tier", "web"));
        let configuration = [configuration(&namespaces, &pods)];
        let is_own = if is_selected { Membership::Own } else { Membership::Excluded };
        assert_eq!(Scope::new(&configuration, &[]).pod_membership("office", &namespace, &pod), is_own);
        let excluded = [self::configuration(&json!({"matchLabels": {"a": "b"}}), &json!({}))];
        let is_other = if is_selected { Membership::Other } else { Membership::Excluded };
        assert_eq!(
            Scope::new(&excluded, &configuration).pod_membership("office", &namespace, &pod),
            is_other
        );
    }
}
