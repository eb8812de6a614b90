//! A container: the fields that affect injection.

use serde::Deserialize;

use super::borrowed_str::BorrowedStr;
use super::bounded;
use super::security::SecurityContext;
use crate::quantity::Quantity;

/// A container or an init container.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Container<'a> {
    #[serde(borrow, default)]
    pub(crate) name: BorrowedStr<'a>,
    #[serde(borrow)]
    pub(crate) image: Option<BorrowedStr<'a>>,
    #[serde(borrow, default, deserialize_with = "bounded::deserialize")]
    pub(crate) command: Option<Vec<BorrowedStr<'a>>>,
    #[serde(borrow, default, deserialize_with = "bounded::deserialize")]
    pub(crate) args: Option<Vec<BorrowedStr<'a>>>,
    #[serde(borrow)]
    pub(crate) restart_policy: Option<BorrowedStr<'a>>,
    #[serde(borrow, default, deserialize_with = "bounded::deserialize")]
    pub(crate) env: Option<Vec<Env<'a>>>,
    #[serde(borrow, default, deserialize_with = "bounded::deserialize")]
    env_from: Option<Vec<EnvFrom<'a>>>,
    #[serde(borrow, default, deserialize_with = "bounded::deserialize")]
    pub(crate) ports: Option<Vec<Port<'a>>>,
    #[serde(borrow, default, deserialize_with = "bounded::deserialize")]
    pub(crate) volume_mounts: Option<Vec<Mount<'a>>>,
    #[serde(borrow)]
    pub(crate) startup_probe: Option<Probe<'a>>,
    pub(crate) resources: Option<Resources>,
    #[serde(borrow)]
    pub(crate) security_context: Option<SecurityContext<'a>>,
}

impl<'a> Container<'a> {
    pub(crate) fn env(&self) -> &[Env<'a>] {
        self.env.as_deref().unwrap_or_default()
    }

    /// Returns a variable as the kubelet does: the last of several with the same name.
    pub(crate) fn variable(&self, name: &str) -> Option<&Env<'a>> {
        self.env().iter().rfind(|env| *env.name == *name)
    }

    pub(crate) fn mounts(&self) -> &[Mount<'a>] {
        self.volume_mounts.as_deref().unwrap_or_default()
    }

    pub(crate) fn ports(&self) -> &[Port<'a>] {
        self.ports.as_deref().unwrap_or_default()
    }

    pub(crate) fn env_from(&self) -> &[EnvFrom<'a>] {
        self.env_from.as_deref().unwrap_or_default()
    }

    pub(crate) fn has_env_from(&self) -> bool {
        !self.env_from().is_empty()
    }

    /// Returns the number of items in the lists of the container.
    pub(super) fn count_items(&self) -> usize {
        let words = [&self.command, &self.args].into_iter().flatten().map(Vec::len).sum::<usize>();
        let probe = self.startup_probe.as_ref().map_or(0, |probe| probe.command().len());
        words + probe + self.env().len() + self.env_from().len() + self.ports().len() + self.mounts().len()
    }

    /// Returns true for a native sidecar: an init container that runs as long as the pod.
    pub(crate) fn restarts_always(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }
}

/// An environment variable.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Env<'a> {
    #[serde(borrow, default)]
    pub(crate) name: BorrowedStr<'a>,
    #[serde(borrow)]
    pub(crate) value: Option<BorrowedStr<'a>>,
    pub(crate) value_from: Option<serde::de::IgnoredAny>,
}

impl Env<'_> {
    /// Returns the value, unless it comes from another object or refers to another variable.
    pub(crate) fn literal(&self) -> Option<&str> {
        if self.value_from.is_some() {
            return None;
        }
        Some(self.value.as_deref().unwrap_or_default()).filter(|value| !value.contains("$("))
    }
}

/// An object of which all keys become variables.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvFrom<'a> {
    #[serde(borrow)]
    prefix: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(crate) config_map_ref: Option<EnvObject<'a>>,
    #[serde(borrow)]
    pub(crate) secret_ref: Option<EnvObject<'a>>,
}

impl EnvFrom<'_> {
    /// Returns the text in front of each key in the variables' names.
    pub(crate) fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }
}

/// A reference to an object with variables.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EnvObject<'a> {
    #[serde(borrow, default)]
    pub(crate) name: BorrowedStr<'a>,
    pub(crate) optional: Option<bool>,
}

/// A port that a container declares.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Port<'a> {
    #[serde(default)]
    pub(crate) container_port: i64,
    #[serde(borrow)]
    pub(crate) protocol: Option<BorrowedStr<'a>>,
}

/// A volume mount.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mount<'a> {
    #[serde(borrow, default)]
    pub(crate) name: BorrowedStr<'a>,
    #[serde(borrow, default, rename = "mountPath")]
    pub(crate) path: BorrowedStr<'a>,
    pub(crate) read_only: Option<bool>,
    #[serde(borrow)]
    sub_path: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    sub_path_expr: Option<BorrowedStr<'a>>,
}

impl Mount<'_> {
    /// Returns true if only a file or folder of the volume is mounted.
    pub(crate) fn is_partial(&self) -> bool {
        [&self.sub_path, &self.sub_path_expr].into_iter().flatten().any(|path| !path.is_empty())
    }
}

/// A startup probe.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Probe<'a> {
    #[serde(borrow)]
    exec: Option<Exec<'a>>,
    pub(crate) initial_delay_seconds: Option<i64>,
    pub(crate) period_seconds: Option<i64>,
    pub(crate) timeout_seconds: Option<i64>,
    pub(crate) success_threshold: Option<i64>,
    pub(crate) failure_threshold: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
struct Exec<'a> {
    #[serde(borrow, default, deserialize_with = "bounded::deserialize")]
    command: Option<Vec<BorrowedStr<'a>>>,
}

impl<'a> Probe<'a> {
    /// Returns the command. Empty for another kind of probe.
    pub(crate) fn command(&self) -> &[BorrowedStr<'a>] {
        self.exec.as_ref().and_then(|exec| exec.command.as_deref()).unwrap_or_default()
    }
}

/// Requests and limits, of a container or of the whole pod.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Resources {
    pub(crate) requests: Option<Amounts>,
    pub(crate) limits: Option<Amounts>,
}

/// Amounts of the resources that determine the quality of service class.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Amounts {
    pub(crate) cpu: Option<Quantity>,
    pub(crate) memory: Option<Quantity>,
}
