//! Names in an injected pod: container, volumes, mount paths, commands.
//!
//! No mount path contains `serviceaccount`, because Vault's injector treats such a mount as its own.

/// The name of the sidecar container.
pub const CONTAINER: &str = "rolebridge";
/// The path of the sidecar's program in its image.
pub const PROGRAM: &str = "/rolebridge-sidecar";
/// The sidecar's arguments.
pub const RUN_ARGS: &[&str] = &["run"];
/// The startup probe's command.
pub const READY_COMMAND: &[&str] = &[PROGRAM, "ready", "--wait"];
/// The startup probe's timeout in seconds. `ready --wait` blocks for a second less, so that the kubelet gets its output.
pub const PROBE_TIMEOUT_SECONDS: u8 = 10;
/// The user ID of the sidecar if the pod's containers do not agree on one.
pub const USER: i64 = 65532;

/// The folder of every mount path that Rolebridge adds.
pub const FOLDER: &str = "/var/run/rolebridge/";

/// A volume that Rolebridge adds, and its mount path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeMount {
    /// The volume's name in the pod.
    pub name: &'static str,
    /// The mount path in every container that mounts the volume.
    pub path: &'static str,
}

/// The volume of the subject token: a small emptyDir in memory. The sidecar writes to it and the app reads from it.
pub const TOKEN_VOLUME: VolumeMount =
    VolumeMount { name: "rolebridge-token", path: "/var/run/rolebridge/token" };
/// The volume of the `external_account` documents: a small emptyDir in memory, to which the sidecar writes. A pod without a
/// sidecar has a downwardAPI volume.
pub const CONFIG_VOLUME: VolumeMount =
    VolumeMount { name: "rolebridge-config", path: "/var/run/rolebridge/config" };
/// The volume of the projected token for AWS STS. Only the sidecar mounts it.
pub const AWS_TOKEN_VOLUME: VolumeMount =
    VolumeMount { name: "rolebridge-aws-token", path: "/var/run/rolebridge/aws" };
/// The volume of the projected token for the identity `kubernetes`.
pub const IDENTITY_VOLUME: VolumeMount =
    VolumeMount { name: "rolebridge-identity", path: "/var/run/rolebridge/identity" };
/// The volume of additional TLS roots, from a config map. Only the sidecar mounts it.
pub const CA_VOLUME: VolumeMount = VolumeMount { name: "rolebridge-ca", path: "/var/run/rolebridge/ca" };

/// The path of the subject token in [`TOKEN_VOLUME`].
pub const TOKEN_FILE: &str = "/var/run/rolebridge/token/token";
/// The projected token's file name in [`AWS_TOKEN_VOLUME`].
pub const AWS_TOKEN_NAME: &str = "token";
/// The path of the projected token in [`AWS_TOKEN_VOLUME`].
pub const AWS_TOKEN_FILE: &str = "/var/run/rolebridge/aws/token";
/// The projected token's file name in [`IDENTITY_VOLUME`].
pub const IDENTITY_TOKEN_NAME: &str = "token";
/// The path of the projected token in [`IDENTITY_VOLUME`].
pub const IDENTITY_TOKEN_FILE: &str = "/var/run/rolebridge/identity/token";
/// The file name of the TLS roots in [`CA_VOLUME`].
pub const CA_NAME: &str = "ca.crt";
/// The path of the TLS roots in [`CA_VOLUME`].
pub const CA_FILE: &str = "/var/run/rolebridge/ca/ca.crt";

/// The default port of the loopback server.
pub const DEFAULT_PORT: u16 = 15080;
