//! Pods, counted by what is to be said of them and by whose they are: a cluster has many, and few kinds of trouble.

use std::collections::{BTreeMap, BTreeSet};

use rolebridge_inject::Reason;

use crate::check::account::Account;
use crate::check::pod::{Fault, State};
use crate::check::since::Since;
use crate::owner::Owner;

/// What is wrong with pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// See [`State::Missed`].
    Missed(Since),
    /// See [`State::Refused`].
    Refused(String),
    /// See [`State::Excluded`].
    Excluded,
    /// They are injected.
    Fault(Fault),
}

/// Of which pods something is to be said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Whose {
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
pub(crate) struct Tally {
    /// The pods that opted in.
    pub(crate) opted_in: usize,
    /// Of them, those that have what they asked for.
    pub(crate) injected: usize,
    /// Of them, those that only their namespace opted in and that lack something.
    pub(crate) left_alone: BTreeMap<Reason, usize>,
    pub(crate) troubles: BTreeMap<(Trouble, Whose), Pods>,
    /// The service accounts that those pods use: namespace and name.
    pub(crate) accounts: BTreeSet<(String, String)>,
    /// Of them, those with a role that is none: namespace, name, annotation and its value.
    pub(crate) malformed: BTreeSet<(String, String, &'static str, String)>,
}

impl Tally {
    /// Counts a pod.
    pub(crate) fn add(&mut self, namespace: &str, owner: &Owner, name: &str, state: State) {
        self.opted_in += 1;
        let troubles = match state {
            State::Injected(faults) => {
                self.injected += 1;
                faults.into_iter().map(Trouble::Fault).collect()
            }
            State::LeftAlone(reason) => {
                *self.left_alone.entry(reason).or_default() += 1;
                Vec::new()
            }
            State::Missed(since) => vec![Trouble::Missed(since)],
            State::Refused(why) => vec![Trouble::Refused(why)],
            State::Excluded => vec![Trouble::Excluded],
        };
        for trouble in troubles {
            let whose = Whose { namespace: namespace.to_owned(), owner: owner.clone() };
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
