//! The namespaces that belong to a release, by the selectors of the webhook configurations.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::core::{Selector, SelectorExt};

use crate::cluster::chart_names::{POD_ENTRY, entries};

/// The label that API servers set on every namespace.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The release that API servers call for the pods of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    /// The checked one, perhaps among others.
    Own,
    /// Only another one.
    Other,
    /// None.
    Excluded,
}

/// The namespace selectors of the checked release and of the others.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    own: Vec<Selector>,
    others: Vec<Selector>,
}

impl Scope {
    /// Reads the selectors of the entries for annotated pods.
    pub(crate) fn new(own: &[MutatingWebhookConfiguration], others: &[MutatingWebhookConfiguration]) -> Self {
        Self { own: selectors(own), others: selectors(others) }
    }

    /// Decides to which release a namespace belongs. Without any entry, which is reported, every namespace is the release's.
    pub(crate) fn membership(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Membership {
        let mut labels = labels.clone();
        labels.entry(NAME_LABEL.to_owned()).or_insert_with(|| namespace.to_owned());
        let is_selected = |selectors: &[Selector]| selectors.iter().any(|selector| selector.matches(&labels));
        if self.own.is_empty() || is_selected(&self.own) {
            Membership::Own
        } else if is_selected(&self.others) {
            Membership::Other
        } else {
            Membership::Excluded
        }
    }
}

fn selectors(configurations: &[MutatingWebhookConfiguration]) -> Vec<Selector> {
    let pods = configurations.iter().flat_map(entries).filter(|entry| entry.name == POD_ENTRY);
    let selectors = pods.map(|entry| entry.namespace_selector.clone().unwrap_or_default());
    // API servers accept only valid selectors.
    selectors.map(|selector| Selector::try_from(selector).unwrap_or_default()).collect()
}
