//! The injected part of a pod: names of containers and volumes, where things are mounted, what runs.
//!
//! No mount path contains `serviceaccount`: Vault's injector takes such a mount for its own.

/// The sidecar's container.
pub const CONTAINER: &str = "rolebridge";
/// The sidecar's program in its image.
pub const PROGRAM: &str = "/rolebridge-sidecar";
/// The sidecar's arguments.
pub const RUN_ARGS: &[&str] = &["run"];
/// The startup probe's command.
pub const READY_COMMAND: &[&str] = &[PROGRAM, "ready", "--wait"];
/// Seconds that one startup probe may take. `ready --wait` blocks for a second less, so that what it says is heard.
pub const PROBE_TIMEOUT_SECONDS: u8 = 10;
/// The user that the sidecar runs as where the pod's containers agree on none.
pub const USER: i64 = 65532;

/// A volume of ours and where it is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeMount {
    /// The volume's name in the pod.
    pub name: &'static str,
    /// Its mount path in every container that mounts it.
    pub path: &'static str,
}

/// The subject token: a small emptyDir in memory. The sidecar writes, the app reads.
pub const TOKEN_VOLUME: VolumeMount =
    VolumeMount { name: "rolebridge-token", path: "/var/run/rolebridge/token" };
/// The `external_account` documents, by downwardAPI.
pub const CONFIG_VOLUME: VolumeMount =
    VolumeMount { name: "rolebridge-config", path: "/var/run/rolebridge/config" };
/// The projected token for AWS STS. In the sidecar alone.
pub const AWS_TOKEN_VOLUME: VolumeMount =
    VolumeMount { name: "rolebridge-aws-token", path: "/var/run/rolebridge/aws" };
/// The projected token that the identity `kubernetes` proves itself by.
pub const IDENTITY_VOLUME: VolumeMount =
    VolumeMount { name: "rolebridge-identity", path: "/var/run/rolebridge/identity" };
/// Further TLS roots, from a config map. In the sidecar alone.
pub const CA_VOLUME: VolumeMount = VolumeMount { name: "rolebridge-ca", path: "/var/run/rolebridge/ca" };

/// The token's file in [`TOKEN_VOLUME`].
pub const TOKEN_FILE: &str = "/var/run/rolebridge/token/token";
/// The projected token's file name in [`AWS_TOKEN_VOLUME`].
pub const AWS_TOKEN_NAME: &str = "token";
/// The projected token's file.
pub const AWS_TOKEN_FILE: &str = "/var/run/rolebridge/aws/token";
/// The projected token's file name in [`IDENTITY_VOLUME`].
pub const IDENTITY_TOKEN_NAME: &str = "token";
/// The projected token's file.
pub const IDENTITY_TOKEN_FILE: &str = "/var/run/rolebridge/identity/token";
/// The roots' file name in [`CA_VOLUME`].
pub const CA_NAME: &str = "ca.crt";
/// The roots' file.
pub const CA_FILE: &str = "/var/run/rolebridge/ca/ca.crt";

/// The port of the loopback server where nobody says another.
pub const DEFAULT_PORT: u16 = 15080;
