//! Pods, counted by what is to be said of them and by whose they are: a cluster has many, and few kinds of trouble.

use std::collections::{BTreeMap, BTreeSet};

use rolebridge_inject::Reason;

use crate::cluster::owner::Owner;
use crate::commands::check::classify_pod::{PodIssue, PodState};
use crate::commands::check::opt_in_time::OptInTime;
use crate::commands::check::service_account::Account;

/// What is wrong with pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PodProblem {
    /// See [`PodState::Missed`].
    Missed(OptInTime),
    /// See [`PodState::Refused`].
    Refused(String),
    /// See [`PodState::Excluded`].
    Excluded,
    /// They are injected.
    Issue(PodIssue),
}

/// Of which pods something is to be said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OwnerRef {
    pub(crate) namespace: String,
    pub(crate) owner: Owner,
}

/// How many pods there are of one trouble and one owner.
#[derive(Debug, Clone)]
pub(crate) struct Pods {
    pub(crate) count: usize,
    /// The name of one of them.
    pub(crate) example: String,
}

/// Everything that was counted.
#[derive(Debug, Default)]
pub(crate) struct PodSummary {
    /// The pods that opted in.
    pub(crate) opted_in: usize,
    /// Of them, those that have what they args for.
    pub(crate) injected: usize,
    /// Of them, those that only their namespace opted in and that lack something.
    pub(crate) left_alone: BTreeMap<Reason, usize>,
    pub(crate) troubles: BTreeMap<(PodProblem, OwnerRef), Pods>,
    /// The service accounts that those pods use: namespace and name.
    pub(crate) accounts: BTreeSet<(String, String)>,
    /// Of them, those with a role that is none: namespace, name, annotation and its value.
    pub(crate) malformed: BTreeSet<(String, String, &'static str, String)>,
}

impl PodSummary {
    /// Counts a pod.
    pub(crate) fn add(&mut self, namespace: &str, owner: &Owner, name: &str, state: PodState) {
        self.opted_in += 1;
        let troubles = match state {
            PodState::Injected(faults) => {
                self.injected += 1;
                faults.into_iter().map(PodProblem::Issue).collect()
            }
            PodState::LeftAlone(reason) => {
                *self.left_alone.entry(reason).or_default() += 1;
                Vec::new()
            }
            PodState::Missed(since) => vec![PodProblem::Missed(since)],
            PodState::Refused(why) => vec![PodProblem::Refused(why)],
            PodState::Excluded => vec![PodProblem::Excluded],
        };
        for trouble in troubles {
            let whose = OwnerRef { namespace: namespace.to_owned(), owner: owner.clone() };
            let pods = self.troubles.entry((trouble, whose));
            pods.or_insert_with(|| Pods { count: 0, example: name.to_owned() }).count += 1;
        }
    }

    /// Counts the service account of a pod.
    pub(crate) fn account(&mut self, namespace: &str, name: &str, account: Option<&Account>) {
        let malformed = account.into_iter().flat_map(|account| &account.malformed);
        self.malformed.extend(
            malformed.map(|(key, value)| (namespace.to_owned(), name.to_owned(), *key, value.clone())),
        );
        self.accounts.insert((namespace.to_owned(), name.to_owned()));
    }
}
