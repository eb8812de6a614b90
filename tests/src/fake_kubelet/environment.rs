//! A container's environment, and the `$(NAME)` that Kubernetes replaces.

use std::collections::BTreeMap;

use super::Pod;
use super::spec::{Container, ValueFrom, Variable};
use crate::error::{Context, Result};

pub(super) type Environment = BTreeMap<String, String>;

impl Pod {
    /// Exactly what the container says, and nothing of this machine's.
    pub(super) fn environment(&self, container: &Container) -> Result<Environment> {
        let mut environment = Environment::new();
        for variable in &container.env {
            let value = self.value(variable, &environment)?;
            environment.insert(variable.name.clone(), value);
        }
        Ok(environment.into_iter().map(|(name, value)| (name, self.root.map(&value))).collect())
    }

    fn value(&self, variable: &Variable, so_far: &Environment) -> Result<String> {
        let name = &variable.name;
        match &variable.value_from {
            None => Ok(expand(&variable.value, so_far)),
            Some(ValueFrom { field_ref: Some(field), .. }) => self.field(&field.field_path),
            Some(ValueFrom { config_map_key_ref: Some(from), .. }) => {
                let data = self.node.config_maps.get(&from.name);
                let value = data.and_then(|data| data.get(&from.key)).cloned();
                value.context(format_args!("{name}: config map {:?} has no key {:?}", from.name, from.key))
            }
            Some(_) => {
                None.context(format_args!("{name}: the stand-in kubelet does not know this valueFrom"))
            }
        }
    }
}

/// `$(NAME)` is replaced if there is such a variable, `$$` is a dollar.
pub(super) fn expand(text: &str, environment: &Environment) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded += before;
        let reference = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((value, after)) =
            reference.and_then(|(name, after)| Some((environment.get(name)?, after)))
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
