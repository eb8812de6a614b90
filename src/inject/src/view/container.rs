//! A container: the fields that affect injection.

use std::fmt;

use rolebridge_core::pod_names::{PROGRAM, RUN_ARGS};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::borrowed_str::BorrowedStr;
use super::bounded::{self, Item, MAX_FILES, Room};
use super::present::Present;
use super::security::SecurityContext;
use super::volume_name::VolumeName;
use crate::quantity::Quantity;

/// The number of items as which an `envFrom` counts, because it takes as much memory.
pub(super) const ENV_FROM_WEIGHT: usize = 2;

/// A container or an init container.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct Container<'a> {
    pub(crate) name: BorrowedStr<'a>,
    pub(crate) image: Option<BorrowedStr<'a>>,
    /// True if the command is that of Rolebridge's sidecar.
    pub(crate) has_own_command: bool,
    /// True if the arguments are those of Rolebridge's sidecar.
    pub(crate) has_own_args: bool,
    pub(crate) restart_policy: Option<BorrowedStr<'a>>,
    pub(crate) env: Option<Vec<Env<'a>>>,
    env_from: Option<Vec<EnvFrom<'a>>>,
    pub(crate) ports: Option<Vec<Port<'a>>>,
    pub(crate) volume_mounts: Option<Vec<Mount<'a>>>,
    pub(crate) startup_probe: Option<Probe<'a>>,
    pub(crate) resources: Option<Resources>,
    pub(crate) security_context: Option<SecurityContext<'a>>,
}

/// Reads a container, and keeps the items of its lists for which there is room.
pub(super) struct ContainerSeed<'r>(pub(super) &'r Room);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    Name,
    Image,
    Command,
    Args,
    RestartPolicy,
    Env,
    EnvFrom,
    Ports,
    VolumeMounts,
    StartupProbe,
    Resources,
    SecurityContext,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for ContainerSeed<'_> {
    type Value = Container<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

#[cfg(test)]
impl<'de> Deserialize<'de> for Container<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ContainerSeed(&Room::of_containers()).deserialize(deserializer)
    }
}

impl<'de> Visitor<'de> for ContainerSeed<'_> {
    type Value = Container<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("struct Container")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut container, room) = (Container::default(), self.0);
        while let Some(field) = map.next_key()? {
            match field {
                Field::Name => container.name = map.next_value()?,
                Field::Image => container.image = map.next_value()?,
                Field::Command => container.has_own_command = map.next_value_seed(room.words(&[PROGRAM]))?,
                Field::Args => container.has_own_args = map.next_value_seed(room.words(RUN_ARGS))?,
                Field::RestartPolicy => container.restart_policy = map.next_value()?,
                Field::Env => container.env = map.next_value_seed(room.list(1))?,
                Field::EnvFrom => container.env_from = map.next_value_seed(room.list(ENV_FROM_WEIGHT))?,
                Field::Ports => container.ports = map.next_value_seed(room.list(1))?,
                Field::VolumeMounts => container.volume_mounts = map.next_value_seed(room.list(1))?,
                Field::StartupProbe => container.startup_probe = map.next_value()?,
                Field::Resources => container.resources = map.next_value()?,
                Field::SecurityContext => container.security_context = map.next_value()?,
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(container)
    }
}

impl<'a> Container<'a> {
    /// Returns the variables that may decide.
    pub(crate) fn env(&self) -> &[Env<'a>] {
        self.env.as_deref().unwrap_or_default()
    }

    /// Returns a variable as the kubelet does: the last of several with the same name.
    pub(crate) fn variable(&self, name: &str) -> Option<&Env<'a>> {
        debug_assert!(may_decide(name), "variables with the name {name} are not kept");
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

    /// Returns true for a native sidecar: an init container that runs as long as the pod.
    pub(crate) fn restarts_always(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }
}

/// An environment variable.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Env<'a> {
    #[serde(borrow, default)]
    pub(crate) name: BorrowedStr<'a>,
    #[serde(borrow)]
    pub(crate) value: Option<BorrowedStr<'a>>,
    pub(crate) value_from: Option<Present>,
    /// The index in the container's list.
    #[serde(skip)]
    index: u32,
}

/// The first letters of the names of all variables that decide. Others with these letters are kept in vain.
const NAME_STARTS: [[u8; 4]; 14] = [
    *b"ALL_", *b"AWS_", *b"CLOU", *b"GCE_", *b"GCLO", *b"GOOG", *b"HOST", *b"HTTP", *b"NO_P", *b"ROLE",
    *b"SSL_", *b"all_", *b"http", *b"no_p",
];

/// Returns true if a variable with this name may decide.
pub(crate) fn may_decide(name: &str) -> bool {
    name.as_bytes().first_chunk().is_some_and(|start| NAME_STARTS.contains(start))
}

impl Item for Env<'_> {
    fn at(self, index: u32) -> Option<Self> {
        may_decide(&self.name).then_some(Self { index, ..self })
    }
}

impl Env<'_> {
    /// Returns the index in the container's list.
    pub(crate) const fn index(&self) -> usize {
        self.index as usize
    }

    /// Returns the value, unless it comes from another object or refers to another variable.
    pub(crate) fn literal(&self) -> Option<&str> {
        if self.value_from.is_some() {
            return None;
        }
        Some(self.value.as_deref().unwrap_or_default()).filter(|value| !value.contains("$("))
    }
}

/// An object of which all keys become variables.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvFrom<'a> {
    #[serde(borrow)]
    prefix: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(crate) config_map_ref: Option<EnvObject<'a>>,
    #[serde(borrow)]
    pub(crate) secret_ref: Option<EnvObject<'a>>,
}

impl Item for EnvFrom<'_> {}
impl Item for Port<'_> {}
impl Item for Mount<'_> {}

impl EnvFrom<'_> {
    /// Returns the text in front of each key in the variables' names.
    pub(crate) fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }
}

/// A reference to an object with variables.
#[derive(Debug, Clone, Hash, Deserialize)]
pub(crate) struct EnvObject<'a> {
    #[serde(borrow, default)]
    pub(crate) name: BorrowedStr<'a>,
    pub(crate) optional: Option<bool>,
}

/// A port that a container declares.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Port<'a> {
    #[serde(default)]
    pub(crate) container_port: i64,
    #[serde(borrow)]
    pub(crate) protocol: Option<BorrowedStr<'a>>,
}

/// A volume mount.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mount<'a> {
    #[serde(borrow, default)]
    pub(crate) name: VolumeName<'a>,
    #[serde(borrow, default, rename = "mountPath")]
    pub(crate) path: BorrowedStr<'a>,
    pub(crate) read_only: Option<bool>,
    sub_path: Option<IsSet>,
    sub_path_expr: Option<IsSet>,
}

/// True for a text that is not empty. The text is not kept: there may be very many mounts.
#[derive(Debug, Clone, Hash)]
struct IsSet(bool);

impl<'de> Deserialize<'de> for IsSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BorrowedStr::deserialize(deserializer).map(|text| Self(!text.is_empty()))
    }
}

impl Mount<'_> {
    /// Returns true if only a file or folder of the volume is mounted.
    pub(crate) fn is_partial(&self) -> bool {
        [&self.sub_path, &self.sub_path_expr].into_iter().flatten().any(|path| path.0)
    }
}

/// A startup probe.
#[derive(Debug, Clone, Hash, Deserialize)]
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

#[derive(Debug, Clone, Hash, Deserialize)]
struct Exec<'a> {
    /// The first words. The sidecar's own command has fewer.
    #[serde(borrow, default, deserialize_with = "bounded::deserialize::<_, _, MAX_FILES>")]
    command: Option<Vec<BorrowedStr<'a>>>,
}

impl<'a> Probe<'a> {
    /// Returns the first words of the command. Empty for another kind of probe.
    pub(crate) fn command(&self) -> &[BorrowedStr<'a>] {
        self.exec.as_ref().and_then(|exec| exec.command.as_deref()).unwrap_or_default()
    }
}

/// Requests and limits, of a container or of the whole pod.
#[derive(Debug, Clone, Hash, Deserialize)]
pub(crate) struct Resources {
    pub(crate) requests: Option<Amounts>,
    pub(crate) limits: Option<Amounts>,
}

/// Amounts of the resources that determine the quality of service class.
#[derive(Debug, Clone, Copy, Default, Hash, Deserialize)]
pub(crate) struct Amounts {
    pub(crate) cpu: Option<Quantity>,
    pub(crate) memory: Option<Quantity>,
}

#[cfg(test)]
mod tests {
    use rolebridge_core::env::sidecar;

    use super::*;

    /// [`Container::variable`] checks the names of the variables of apps, in each test.
    #[test]
    fn each_variable_of_the_sidecar_is_kept() {
        for name in sidecar::ALL {
            assert!(may_decide(name), "{name}");
        }
    }

    #[test]
    fn variables_that_do_not_decide_are_not_kept() {
        let json = r#"{"env":[{"name":"A"},{},{"name":"NO_PROXY"},{"name":"ÄÖ"},{"name":"AWS_REGION","value":"a"}]}"#;
        let container: Container<'_> = serde_json::from_str(json).unwrap();
        let kept: Vec<_> = container.env().iter().map(|env| (env.index(), &*env.name)).collect();
        assert_eq!(kept, [(2, "NO_PROXY"), (4, "AWS_REGION")]);
    }

    #[test]
    fn command_is_the_sidecars_only_with_all_of_its_words() {
        for (command, expected) in [
            (r#"["/rolebridge-sidecar"]"#, true),
            (r#"["/rolebridge-sidecar","run"]"#, false),
            (r#"["/other"]"#, false),
            ("[]", false),
            ("null", false),
        ] {
            let command = command.replace("/rolebridge-sidecar", PROGRAM);
            let json = format!(r#"{{"command":{command}}}"#);
            let container: Container<'_> = serde_json::from_str(&json).unwrap();
            assert_eq!(container.has_own_command, expected, "{command}");
        }
    }
}
