//! The loopback server's paths and headers: EC2's metadata service in version 2, as AWS documents them, and the marker that some libraries send.
//!
//! Source: "Use the Instance Metadata Service", AWS EC2 user guide; Google's AIP-4117.

/// `PUT`: a session token. `GET`s must send it.
pub const SESSION_TOKEN_PATH: &str = "/latest/api/token";
/// `GET`: an availability zone, whose last character the libraries cut off to get the region.
pub const REGION_PATH: &str = "/latest/meta-data/placement/availability-zone";
/// `GET`: the role's name; with the marker header: the subject token. Below it, by role: the credentials.
pub const CREDENTIALS_PATH: &str = "/latest/meta-data/iam/security-credentials";

/// The request header of a `PUT` that says how many seconds the session token shall live.
pub const SESSION_TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
/// The request header that carries the session token.
pub const SESSION_TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";

/// The header of a library that takes the configuration for a URL source (C++), and so wants the subject token.
pub const MARKER_HEADER: &str = "X-Subject-Token-Request";
/// The value of [`MARKER_HEADER`].
pub const MARKER_VALUE: &str = "aws4_request";
