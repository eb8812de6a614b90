//! Brings a sidecar that the pod already has to what is decided now.
//!
//! A pod may be restored from another namespace, or written by hand. What the sidecar reads is decided by this pod's
//! settings alone. Variables and mounts of other webhooks stay, as do the image, resources and the security context.

use rolebridge_core::env::sidecar as name;
use rolebridge_core::pod_names::{FOLDER, PROGRAM};

use super::probe::PROBE;
use crate::mount_path::{clean, overlaps};
use crate::patch::builder::PatchBuilder;
use crate::patch::env::Variable;
use crate::patch::volumes::Mount;
use crate::settings::app_env::is_same_no_proxy;
use crate::view::{self, Container, Env};

/// The restart policy of a native sidecar.
pub(super) const RESTART_POLICY: &str = "Always";

/// The differences of a sidecar from the one that is decided now.
#[derive(Debug)]
pub(super) struct Differences<'a> {
    /// The index and the decided value of each variable that has another one.
    other_variables: Vec<(usize, &'a Variable<'a>)>,
    missing_variables: Vec<&'a Variable<'a>>,
    /// The indexes of variables that are decided to be absent, and of duplicates. In descending order.
    surplus_variables: Vec<usize>,
    has_env_from: bool,
    other_mounts: Vec<(usize, &'a Mount)>,
    missing_mounts: Vec<&'a Mount>,
    /// The indexes of mounts that could hide the program or a file that it reads, and of duplicates. In descending order.
    surplus_mounts: Vec<usize>,
    has_other_probe: bool,
    has_other_restart_policy: bool,
    /// The names of the differences that no other webhook makes by routine.
    pub(super) names: Vec<&'static str>,
}

/// Variables that EKS's webhook adds to every container, and that the sidecar does not read with other credentials.
const ADDED_BY_EKS: [&str; 5] = [
    name::AWS_REGION,
    name::AWS_ROLE_ARN,
    name::AWS_WEB_IDENTITY_TOKEN_FILE,
    name::AWS_CONTAINER_CREDENTIALS_FULL_URI,
    name::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
];

/// Variables that follow those of the app containers, which other webhooks and Rolebridge change.
const FOLLOWS_THE_APP: [&str; 2] = [name::AWS_REGION, name::NO_PROXY];

impl<'a> Differences<'a> {
    pub(super) fn of(container: &Container<'_>, env: &'a [Variable<'a>], mounts: &'a [Mount]) -> Self {
        let mut differences = Self {
            other_variables: Vec::new(),
            missing_variables: Vec::new(),
            surplus_variables: Vec::new(),
            has_env_from: container.has_env_from(),
            other_mounts: Vec::new(),
            missing_mounts: Vec::new(),
            surplus_mounts: Vec::new(),
            has_other_restart_policy: !container.restarts_always(),
            has_other_probe: !container.startup_probe.as_ref().is_some_and(|probe| PROBE.is_equal(probe)),
            names: Vec::new(),
        };
        differences.compare_variables(container.env(), env);
        differences.names.sort_by_key(|name| name::ALL.iter().position(|known| known == name));
        if differences.has_env_from {
            differences.names.push("envFrom");
        }
        differences.compare_mounts(container.mounts(), mounts);
        if differences.has_other_probe {
            differences.names.push("startupProbe");
        }
        if differences.has_other_restart_policy {
            differences.names.push("restartPolicy");
        }
        differences
    }

    /// Compares the variables that the sidecar reads. The last of several with the same name counts.
    fn compare_variables(&mut self, present: &[Env<'_>], decided: &'a [Variable<'a>]) {
        let mut seen = [false; name::ALL.len()];
        for found in present.iter().rev() {
            let Some(position) = name::ALL.iter().position(|known| **known == *found.name) else { continue };
            let (known, is_duplicate) = (name::ALL[position], std::mem::replace(&mut seen[position], true));
            match decided.iter().find(|variable| variable.name == known).filter(|_| !is_duplicate) {
                Some(variable) if is_equal(variable, found) => {}
                Some(variable) => {
                    self.other_variables.push((found.index(), variable));
                    self.report(known, FOLLOWS_THE_APP.contains(&known));
                }
                None => {
                    self.surplus_variables.push(found.index());
                    self.report(known, !is_duplicate && ADDED_BY_EKS.contains(&known));
                }
            }
        }
        for variable in decided {
            if !present.iter().any(|found| *found.name == *variable.name) {
                self.missing_variables.push(variable);
                self.report(variable.name, FOLLOWS_THE_APP.contains(&variable.name));
            }
        }
    }

    /// Compares the mounts that overlap with Rolebridge's folder or the program. A mount of a parent folder hides both.
    fn compare_mounts(&mut self, present: &[view::Mount<'_>], decided: &'a [Mount]) {
        let mut seen = vec![false; decided.len()];
        for (index, found) in present.iter().enumerate().rev() {
            let path = clean(&found.path);
            if ![FOLDER, PROGRAM].iter().any(|ours| overlaps(&path, ours)) {
                continue;
            }
            let position = decided.iter().position(|mount| mount.is_at(&path));
            match position.filter(|position| !std::mem::replace(&mut seen[*position], true)) {
                Some(position) if decided[position].is_equal(found) => {}
                Some(position) => self.other_mounts.push((index, &decided[position])),
                None => self.surplus_mounts.push(index),
            }
        }
        let missing = decided.iter().zip(seen).filter(|(_, is_seen)| !is_seen);
        self.missing_mounts.extend(missing.map(|(mount, _)| mount));
        if !(self.other_mounts.is_empty() && self.surplus_mounts.is_empty() && self.missing_mounts.is_empty())
        {
            self.names.push("volumeMounts");
        }
    }

    fn report(&mut self, name: &'static str, is_routine: bool) {
        if !is_routine && !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    /// Writes the operations on the container at a path.
    pub(super) fn write(&self, builder: &mut PatchBuilder, container: &Container<'_>, path: &str) {
        for (index, variable) in &self.other_variables {
            builder.replace((path, "/env/", *index), variable);
        }
        for index in &self.surplus_variables {
            builder.remove((path, "/env/", *index));
        }
        builder.append((path, "/env"), container.env.is_some(), &self.missing_variables);
        if self.has_env_from {
            builder.remove((path, "/envFrom"));
        }
        for (index, mount) in &self.other_mounts {
            builder.replace((path, "/volumeMounts/", *index), mount);
        }
        for index in &self.surplus_mounts {
            builder.remove((path, "/volumeMounts/", *index));
        }
        builder.append((path, "/volumeMounts"), container.volume_mounts.is_some(), &self.missing_mounts);
        if self.has_other_probe {
            builder.add((path, "/startupProbe"), &PROBE);
        }
        if self.has_other_restart_policy {
            builder.add((path, "/restartPolicy"), RESTART_POLICY);
        }
    }
}

/// Returns true if the container sets the decided value. Rolebridge itself adds hosts to the list from which `NO_PROXY`
/// is derived.
fn is_equal(decided: &Variable<'_>, found: &Env<'_>) -> bool {
    let is_same_list = || {
        decided.name == name::NO_PROXY
            && found.literal().is_some_and(|list| is_same_no_proxy(list, &decided.value))
    };
    decided.is_set_by(found) || is_same_list()
}
