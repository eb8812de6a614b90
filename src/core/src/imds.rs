//! Paths and headers of the loopback server: those of EC2's metadata service version 2, and the marker header that some
//! libraries send.
//!
//! Source: "Use the Instance Metadata Service", AWS EC2 user guide; Google's AIP-4117.

/// `PUT` returns a session token, which `GET` requests must send.
pub const SESSION_TOKEN_PATH: &str = "/latest/api/token";
/// `GET` returns an availability zone. Libraries drop its last character to get the region.
pub const REGION_PATH: &str = "/latest/meta-data/placement/availability-zone";
/// `GET` returns the role's name, or the subject token if the request has the marker header. The path plus the role's
/// name returns credentials.
pub const CREDENTIALS_PATH: &str = "/latest/meta-data/iam/security-credentials";

/// The request header of a `PUT` with the session token's lifetime in seconds.
pub const SESSION_TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
/// The request header that carries the session token.
pub const SESSION_TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";

/// The header of a library (C++) that handles the configuration as a URL source and so expects the subject token.
pub const MARKER_HEADER: &str = "X-Subject-Token-Request";
/// The value of [`MARKER_HEADER`].
pub const MARKER_VALUE: &str = "aws4_request";
