//! The role session name, and the max_len that Google leaves for it.
//!
//! A session's ARN, `arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION`, becomes `google.subject`, which is at most
//! 127 bytes long. Source: "Configure Workload Identity Federation with AWS", Google Cloud.

use std::borrow::Cow;
use std::fmt::Write;

use rolebridge_core::annotations as key;
use rolebridge_core::google::MAX_SUBJECT_LEN;
use rolebridge_core::identity::Identity;
use sha2::{Digest, Sha256};

use super::Setting;
use super::parse::RoleArn;
use super::precedence::Precedence;
use crate::{Denial, Reason};

/// A session name: the user's own, or made from the names of the namespace and the service account.
pub type SessionName<'a> = Cow<'a, str>;

/// AWS's own limit.
const MAX_SESSION_LEN: usize = 64;

/// Bytes of the hash, in hexadecimal digits: two of them.
const HASH_BYTES: usize = 4;

/// How long the name of a session of this role may be. A JSON web token of AWS STS is about the role alone.
fn max_len(identity: Identity, role: &RoleArn<&str>) -> usize {
    if identity != Identity::AwsRole {
        return MAX_SESSION_LEN;
    }
    let taken = role.partition().assumed_role_prefix_len() + role.name().len() + "/".len();
    MAX_SUBJECT_LEN.saturating_sub(taken).min(MAX_SESSION_LEN)
}

/// The session's name: what was said, if it fits, else one made from the pod's namespace and service account.
pub(super) fn resolve<'a>(
    precedence: &Precedence<'a>,
    identity: Identity,
    role: Setting<RoleArn<&'a str>>,
    said: Option<Setting<&'a str>>,
) -> Result<Setting<SessionName<'a>>, Denial> {
    let max_len = max_len(identity, &role.value);
    match (said, precedence.find(key::SESSION_NAME)) {
        (Some(said), Some(found)) if said.value.len() > max_len => {
            let end = format!(
                "is too long beside the role {}: Google takes a session's ARN of at most {MAX_SUBJECT_LEN} bytes, \
                 which leaves {max_len} for the name",
                role.value.name()
            );
            Err(precedence.deny(found, Reason::BadValue, end))
        }
        (Some(Setting { value, origin }), _) => Ok(Setting { value: Cow::Borrowed(value), origin }),
        (None, _) => {
            let whole = format!("{}.{}", precedence.context.namespace, precedence.pod.service_account());
            Ok(Setting::built_in(Cow::Owned(shortened(whole, max_len))))
        }
    }
}

/// A name that fits: as it is, or its beginning and a hash of the whole, so that two long names stay two.
fn shortened(whole: String, max_len: usize) -> String {
    if whole.len() <= max_len {
        return whole;
    }
    let hash = Sha256::digest(&whole);
    // Both names are ASCII, as Kubernetes demands.
    let kept = max_len.saturating_sub(2 * HASH_BYTES + 1);
    let mut name: String = whole.chars().take(kept).collect();
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
    fn the_room_beside_a_role() {
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
    fn every_partition_leaves_room_for_a_hash() {
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
    fn a_long_name_is_shortened_with_a_hash() {
        assert_eq!(shortened("shop.batch".to_owned(), 10), "shop.batch");
        let one = shortened("shop.nightly-batch-of-orders".to_owned(), 20);
        let other = shortened("shop.nightly-batch-of-returns".to_owned(), 20);
        assert_eq!(one, "shop.nightl-439a51a8");
        assert_eq!((one.len(), other.len()), (20, 20));
        assert_ne!(one, other);
    }
}
