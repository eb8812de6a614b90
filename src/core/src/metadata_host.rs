//! The names and the port of Google's metadata server, and how a pod leads them to the sidecar: the source `metadata-host`.
//!
//! Google's address, 169.254.169.254, is that of AWS's metadata service too, so it stays AWS's.

/// The names of the metadata server, as in the documentation of Compute Engine.
pub const NAMES: [&str; 2] = ["metadata.google.internal", "metadata"];
/// The port of the metadata server.
pub const PORT: u16 = 80;
/// The address of the sidecar's server, for the pod's `hostAliases`.
pub const ADDRESS: &str = "127.0.0.1";
/// The sysctl of the first port on which a program may listen without privileges. Kubernetes lists it as safe, and the
/// restricted Pod Security Standard allows it.
pub const PORT_SYSCTL: &str = "net.ipv4.ip_unprivileged_port_start";
/// The value of [`PORT_SYSCTL`] that allows [`PORT`].
pub const PORT_SYSCTL_VALUE: &str = "80";
