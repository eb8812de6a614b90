//! Groups pods by problem and owner: a cluster has many pods and few kinds of problems.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use rolebridge_inject::Reason;

use crate::cluster::exchanges::Quota;
use crate::cluster::owner::Owner;
use crate::commands::check::classify_pod::{PodIssue, PodState};
use crate::commands::check::demand::Demand;
use crate::commands::check::opt_in_time::OptInTime;
use crate::commands::check::service_account::ServiceAccount;

/// A problem of pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PodProblem {
    /// See [`PodState::Missed`].
    Missed(OptInTime),
    /// See [`PodState::Denied`].
    Denied(String),
    /// See [`PodState::Excluded`].
    Excluded,
    /// A problem of injected pods.
    Issue(PodIssue),
}

/// The owner of pods, with its namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OwnerRef {
    pub(crate) namespace: String,
    pub(crate) owner: Owner,
}

/// The pods with the same problem and the same owner.
#[derive(Debug, Clone)]
pub(crate) struct PodGroup {
    pub(crate) count: usize,
    /// The name of one of the pods, with its namespace if the group has several.
    pub(crate) example: String,
}

/// A summary of the pods that opted in.
#[derive(Debug, Default)]
pub(crate) struct PodSummary {
    /// The number of pods that opted in.
    pub(crate) opted_in: usize,
    /// The number of injected pods.
    pub(crate) injected: usize,
    /// The number of skipped pods by reason: only their namespace opted them in, and a prerequisite is missing.
    pub(crate) skipped: BTreeMap<Reason, usize>,
    /// The exchanges of injected pods, by the quota that they count against.
    pub(crate) demand: BTreeMap<Quota, Demand>,
    pub(crate) problems: BTreeMap<(PodProblem, OwnerRef), PodGroup>,
    /// The pods with a sidecar of the version of new pods but another image, by image. A registry mirror gives every pod the
    /// same one, so they are not grouped by owner.
    pub(crate) other_images: BTreeMap<String, PodGroup>,
    /// The namespace and name of the pods' service accounts.
    pub(crate) accounts: BTreeSet<(String, String)>,
    /// The malformed roles of these accounts: namespace, name, annotation and value.
    pub(crate) malformed_roles: BTreeSet<(String, String, &'static str, String)>,
}

impl PodSummary {
    /// Adds a pod.
    pub(crate) fn add(&mut self, namespace: &str, owner: &Owner, name: &str, state: PodState) {
        self.opted_in += 1;
        let problems = match state {
            PodState::Injected { issues, other_image } => {
                self.injected += 1;
                if let Some(image) = other_image {
                    add_to_group(self.other_images.entry(image), || format!("{namespace}/{name}"));
                }
                issues.into_iter().map(PodProblem::Issue).collect()
            }
            PodState::Skipped(reason) => {
                *self.skipped.entry(reason).or_default() += 1;
                Vec::new()
            }
            PodState::Missed(time) => vec![PodProblem::Missed(time)],
            PodState::Denied(message) => vec![PodProblem::Denied(message)],
            PodState::Excluded => vec![PodProblem::Excluded],
        };
        for problem in problems {
            let owner = OwnerRef { namespace: namespace.to_owned(), owner: owner.clone() };
            add_to_group(self.problems.entry((problem, owner)), || name.to_owned());
        }
    }

    /// Adds the service account of a pod.
    pub(crate) fn add_account(&mut self, namespace: &str, name: &str, account: Option<&ServiceAccount>) {
        let malformed_roles = account.into_iter().flat_map(|account| &account.malformed_roles);
        self.malformed_roles.extend(
            malformed_roles.map(|(key, value)| (namespace.to_owned(), name.to_owned(), *key, value.clone())),
        );
        self.accounts.insert((namespace.to_owned(), name.to_owned()));
    }
}

fn add_to_group<K: Ord>(entry: Entry<'_, K, PodGroup>, example: impl FnOnce() -> String) {
    entry.or_insert_with(|| PodGroup { count: 0, example: example() }).count += 1;
}
