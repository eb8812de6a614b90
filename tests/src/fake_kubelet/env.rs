//! Builds a container's environment and expands `$(NAME)`, as Kubernetes does.

use std::collections::BTreeMap;

use super::Pod;
use super::spec::{Container, EnvVar, EnvVarSource};
use crate::error::{Context, Result};

pub(super) type Env = BTreeMap<String, String>;

impl Pod {
    /// Returns exactly the container's variables and the host name, none of this machine.
    pub(super) fn env(&self, container: &Container) -> Result<Env> {
        let mut env = Env::new();
        for variable in &container.env {
            let value = self.value(variable, &env)?;
            env.insert(variable.name.clone(), value);
        }
        // The container runtime sets it, so that `$(HOSTNAME)` stays as it is.
        if let Some(name) = self.manifest["metadata"]["name"].as_str() {
            env.entry("HOSTNAME".to_owned()).or_insert_with(|| name.to_owned());
        }
        Ok(env.into_iter().map(|(name, value)| (name, self.root.map_paths(&value))).collect())
    }

    fn value(&self, variable: &EnvVar, earlier: &Env) -> Result<String> {
        let name = &variable.name;
        match &variable.value_from {
            None => Ok(expand(&variable.value, earlier)),
            Some(EnvVarSource { field_ref: Some(field), .. }) => self.field(&field.field_path),
            Some(EnvVarSource { config_map_key_ref: Some(selector), .. }) => {
                let data = self.node.config_maps.get(&selector.name);
                let value = data.and_then(|data| data.get(&selector.key)).cloned();
                value.context(format_args!(
                    "{name}: config map {:?} has no key {:?}",
                    selector.name, selector.key
                ))
            }
            Some(_) => None.context(format_args!("{name}: the fake kubelet does not support this valueFrom")),
        }
    }
}

/// Replaces `$(NAME)` if the variable exists, and `$$` by a dollar sign.
pub(super) fn expand(text: &str, env: &Env) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded += before;
        let reference = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((value, after)) = reference.and_then(|(name, after)| Some((env.get(name)?, after)))
        {
            expanded += value;
            rest = after;
        } else {
            expanded.push('$');
            rest = after;
        }
    }
    expanded + rest
}
