//! The role session name, and the maximum length that Google leaves for it.
//!
//! The session ARN, `arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION`, becomes `google.subject`, which is at most
//! 127 bytes long. Source: "Configure Workload Identity Federation with AWS", Google Cloud.

use std::borrow::Cow;
use std::fmt::Write;

use rolebridge_core::annotations as key;
use rolebridge_core::aws::RoleArn;
use rolebridge_core::google::MAX_SUBJECT_LEN;
use rolebridge_core::identity::Identity;
use sha2::{Digest, Sha256};

use super::origin::Setting;
use super::precedence::Precedence;
use crate::denial::Denial;
use crate::reason::Reason;

/// A session name: the user's, or one generated from the names of the namespace and the service account.
pub type SessionName<'a> = Cow<'a, str>;

/// AWS's limit.
const MAX_SESSION_LEN: usize = 64;

/// Number of hash bytes in a shortened name, each two hexadecimal digits.
const HASH_BYTES: usize = 4;

/// Returns the maximum length of a session name for the role. A JSON web token of AWS STS contains only the role.
fn max_len(identity: Identity, role: &RoleArn<&str>) -> usize {
    if identity != Identity::AwsRole {
        return MAX_SESSION_LEN;
    }
    let fixed_len = role.partition().assumed_role_prefix_len() + role.name().len() + "/".len();
    MAX_SUBJECT_LEN.saturating_sub(fixed_len).min(MAX_SESSION_LEN)
}

/// Resolves the session name: the declared one, else one generated from the pod's namespace and service account. A declared
/// name that is too long is denied.
pub(super) fn resolve<'a>(
    precedence: &Precedence<'a>,
    identity: Identity,
    role: Setting<RoleArn<&'a str>>,
    declared: Option<Setting<&'a str>>,
) -> Result<Setting<SessionName<'a>>, Denial> {
    let max_len = max_len(identity, &role.value);
    match (declared, precedence.find(key::SESSION_NAME)) {
        (Some(name), Some(raw)) if name.value.len() > max_len => {
            let expected = format!(
                "at most {max_len} bytes with the role {}, because Google accepts a session ARN of at most \
                 {MAX_SUBJECT_LEN} bytes",
                role.value.name()
            );
            Err(precedence.deny(raw, Reason::BadValue, expected, ""))
        }
        (Some(Setting { value, origin }), _) => Ok(Setting { value: Cow::Borrowed(value), origin }),
        (None, _) => {
            let name = format!("{}.{}", precedence.context.namespace, precedence.pod.service_account());
            Ok(Setting::built_in(Cow::Owned(shorten(name, max_len))))
        }
    }
}

/// Shortens a name that is too long to its beginning and a hash of the full name, so two long names stay different.
fn shorten(full: String, max_len: usize) -> String {
    if full.len() <= max_len {
        return full;
    }
    let hash = Sha256::digest(&full);
    // Kubernetes names are ASCII, so characters are bytes.
    let prefix_len = max_len.saturating_sub(2 * HASH_BYTES + 1);
    let mut name: String = full.chars().take(prefix_len).collect();
    name.push('-');
    for byte in &hash[..HASH_BYTES] {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::parse;

    #[test]
    fn max_len_depends_on_partition_and_role() {
        for (partition, both) in [("aws", 87), ("aws-cn", 84), ("aws-us-gov", 80)] {
            let arn = format!("arn:{partition}:iam::123456789012:role/path/{}", "r".repeat(40));
            let role = parse::role(&arn).unwrap();
            assert_eq!(max_len(Identity::AwsRole, &role), both - 40, "{partition}");
            assert_eq!(max_len(Identity::AwsJwt, &role), MAX_SESSION_LEN, "{partition}");
        }
        let short = parse::role("arn:aws:iam::123456789012:role/r").unwrap();
        assert_eq!(max_len(Identity::AwsRole, &short), MAX_SESSION_LEN);
    }

    #[test]
    fn max_len_of_the_longest_role_fits_a_hash() {
        for partition in rolebridge_core::aws::PARTITIONS {
            let arn = format!("arn:{}:iam::123456789012:role/{}", partition.as_str(), "r".repeat(64));
            assert!(
                max_len(Identity::AwsRole, &parse::role(&arn).unwrap()) > 2 * HASH_BYTES + 1,
                "{}",
                partition.as_str()
            );
        }
    }

    #[test]
    fn shorten_of_a_long_name_ends_with_a_hash() {
        assert_eq!(shorten("shop.batch".to_owned(), 10), "shop.batch");
        let one = shorten("shop.nightly-batch-of-orders".to_owned(), 20);
        let other = shorten("shop.nightly-batch-of-returns".to_owned(), 20);
        assert_eq!(one, "shop.nightl-439a51a8");
        assert_eq!((one.len(), other.len()), (20, 20));
        assert_ne!(one, other);
    }
}
