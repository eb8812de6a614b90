//! AWS partitions, role ARNs and credential sources.

use std::fmt;
use std::str::FromStr;

use crate::invalid_value::InvalidValue;

/// A group of regions with its own accounts, hosts and ARNs.
///
/// Source: `partitions.json`, which every AWS SDK ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    name: &'static str,
    /// The suffix of public host names, for example `amazonaws.com`.
    pub dns_suffix: &'static str,
    /// The region of AWS STS if no region is set.
    pub default_region: &'static str,
    region_prefixes: &'static [&'static str],
}

/// All partitions. The first one contains all regions that no other partition claims.
pub const PARTITIONS: &[Partition] = &[
    Partition { name: "aws", dns_suffix: "amazonaws.com", default_region: "us-east-1", region_prefixes: &[] },
    Partition {
        name: "aws-cn",
        dns_suffix: "amazonaws.com.cn",
        default_region: "cn-north-1",
        region_prefixes: &["cn-"],
    },
    Partition {
        name: "aws-us-gov",
        dns_suffix: "amazonaws.com",
        default_region: "us-gov-west-1",
        region_prefixes: &["us-gov-"],
    },
    Partition {
        name: "aws-iso",
        dns_suffix: "c2s.ic.gov",
        default_region: "us-iso-east-1",
        region_prefixes: &["us-iso-"],
    },
    Partition {
        name: "aws-iso-b",
        dns_suffix: "sc2s.sgov.gov",
        default_region: "us-isob-east-1",
        region_prefixes: &["us-isob-"],
    },
    Partition {
        name: "aws-iso-e",
        dns_suffix: "cloud.adc-e.uk",
        default_region: "eu-isoe-west-1",
        region_prefixes: &["eu-isoe-"],
    },
    Partition {
        name: "aws-iso-f",
        dns_suffix: "csp.hci.ic.gov",
        default_region: "us-isof-south-1",
        region_prefixes: &["us-isof-"],
    },
    Partition {
        name: "aws-eusc",
        dns_suffix: "amazonaws.eu",
        default_region: "eusc-de-east-1",
        region_prefixes: &["eusc-"],
    },
];

impl Partition {
    /// Returns the name in an ARN, for example `aws-cn`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.name
    }

    /// Returns the partition of a region. `aws` for a region that no other partition claims.
    #[must_use]
    pub fn of_region(region: &str) -> Self {
        let claims =
            |partition: &Self| partition.region_prefixes.iter().any(|prefix| region.starts_with(prefix));
        PARTITIONS.iter().copied().find(claims).unwrap_or(PARTITIONS[0])
    }

    /// Returns the length of `arn:PARTITION:sts::ACCOUNT:assumed-role/`, the part of `google.subject` before the role.
    #[must_use]
    pub const fn assumed_role_prefix_len(&self) -> usize {
        "arn:".len() + self.name.len() + ":sts::123456789012:assumed-role/".len()
    }
}

impl FromStr for Partition {
    type Err = InvalidValue;

    fn from_str(name: &str) -> Result<Self, InvalidValue> {
        let partition = PARTITIONS.iter().copied().find(|partition| partition.name == name);
        partition.ok_or_else(|| InvalidValue::expected("an AWS partition, such as aws"))
    }
}

/// The ARN of an IAM role: `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`.
///
/// Borrows its text as `RoleArn<&str>` or owns it as `RoleArn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleArn<S = String> {
    arn: S,
    partition: Partition,
}

/// The maximum length of a role's path, with both its slashes, and name. Source: IAM.
const MAX_RESOURCE_LEN: usize = 512 + 64;

const ACCOUNT_LEN: usize = 12;

impl<'a> RoleArn<&'a str> {
    /// Parses the ARN of an IAM role without copying it.
    ///
    /// # Errors
    /// Returns an error if the text is not the ARN of an IAM role.
    pub fn parse(arn: &'a str) -> Result<Self, InvalidValue> {
        Self::parse_parts(arn).ok_or_else(|| {
            InvalidValue::expected("the ARN of an IAM role, such as arn:aws:iam::123456789012:role/NAME")
        })
    }

    fn parse_parts(arn: &'a str) -> Option<Self> {
        let (partition, rest) = arn.strip_prefix("arn:")?.split_once(':')?;
        let (account, resource) = rest.strip_prefix("iam::")?.split_once(":role")?;
        let (path, name) = resource.split_at(resource.rfind('/')? + 1);
        let is_valid = account.len() == ACCOUNT_LEN
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && path.starts_with('/')
            && resource.len() <= MAX_RESOURCE_LEN
            && path.bytes().all(|byte| byte.is_ascii_graphic())
            && (1..=64).contains(&name.len())
            && name.bytes().all(is_name_byte);
        is_valid.then_some(Self { arn, partition: partition.parse().ok()? })
    }

    /// Returns the text.
    #[must_use]
    pub const fn into_str(self) -> &'a str {
        self.arn
    }

    /// Copies the ARN.
    #[must_use]
    pub fn into_owned(self) -> RoleArn {
        RoleArn { arn: self.arn.to_owned(), partition: self.partition }
    }
}

impl<S: AsRef<str>> RoleArn<S> {
    /// Returns the whole ARN.
    pub fn as_str(&self) -> &str {
        self.arn.as_ref()
    }

    /// Returns the partition.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// Returns the account's twelve digits.
    pub fn account(&self) -> &str {
        &self.as_str()[self.account_start()..][..ACCOUNT_LEN]
    }

    /// Returns the path with both its slashes: `/`, or for example `/team/`. The ARN of a session has no path.
    pub fn path(&self) -> &str {
        let resource_start = self.account_start() + ACCOUNT_LEN + ":role".len();
        &self.as_str()[resource_start..self.name_start()]
    }

    /// Returns the name without the path, as in the ARN of a session.
    pub fn name(&self) -> &str {
        &self.as_str()[self.name_start()..]
    }

    /// Returns the ARN of the role's sessions up to the session name: `arn:PARTITION:sts::ACCOUNT:assumed-role/NAME`.
    #[must_use]
    pub fn assumed_role_arn(&self) -> String {
        format!("arn:{}:sts::{}:assumed-role/{}", self.partition.name, self.account(), self.name())
    }

    fn account_start(&self) -> usize {
        "arn:".len() + self.partition.name.len() + ":iam::".len()
    }

    fn name_start(&self) -> usize {
        self.as_str().rfind('/').map_or(0, |slash| slash + 1)
    }
}

impl<S: AsRef<str>> fmt::Display for RoleArn<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns true for a byte that role and session names may contain: `[\w+=,.@-]`.
pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

/// The source of a pod's AWS credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialsSource {
    /// AWS STS with the pod's role (IAM roles for service accounts).
    Irsa,
    /// The EKS Pod Identity agent, which knows the role.
    PodIdentity,
}

impl CredentialsSource {
    /// All sources.
    pub const ALL: [Self; 2] = [Self::Irsa, Self::PodIdentity];

    /// Returns the annotation's value for this source.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Irsa => "irsa",
            Self::PodIdentity => "pod-identity",
        }
    }
}

impl FromStr for CredentialsSource {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let source = Self::ALL.into_iter().find(|source| source.as_str() == text);
        source.ok_or_else(|| {
            InvalidValue::expected("a source of AWS credentials: \"irsa\" or \"pod-identity\"")
        })
    }
}

/// Returns the public host of AWS STS in a region.
///
/// Subject tokens are signed for this host even if the sidecar calls another endpoint, because Google posts the signed
/// request to this host.
#[must_use]
pub fn public_sts_host(region: &str) -> String {
    format!("sts.{region}.{}", Partition::of_region(region).dns_suffix)
}

/// The session policy that denies all actions. `GetCallerIdentity` cannot be denied, so the session can prove its
/// identity and do nothing else.
pub const DENY_ALL_SESSION_POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;

/// The session policy that allows only the request for a JSON web token.
pub const GET_WEB_IDENTITY_TOKEN_SESSION_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*"}]}"#;

/// The audience of a projected token for AWS STS, unless the service account sets another audience.
pub const TOKEN_AUDIENCE: &str = "sts.amazonaws.com";

/// The audience of a projected token for the EKS Pod Identity agent.
///
/// Source: "Understand how EKS Pod Identity works", Amazon EKS user guide.
pub const POD_IDENTITY_TOKEN_AUDIENCE: &str = "pods.eks.amazonaws.com";

/// The URI of the EKS Pod Identity agent on a node with IPv4.
pub const POD_IDENTITY_URI: &str = "http://169.254.170.23/v1/credentials";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_determines_partition_and_sts_host() {
        for (region, partition, host) in [
            ("us-east-2", "aws", "sts.us-east-2.amazonaws.com"),
            ("eu-west-1", "aws", "sts.eu-west-1.amazonaws.com"),
            ("cn-northwest-1", "aws-cn", "sts.cn-northwest-1.amazonaws.com.cn"),
            ("us-gov-east-1", "aws-us-gov", "sts.us-gov-east-1.amazonaws.com"),
            ("us-isob-east-1", "aws-iso-b", "sts.us-isob-east-1.sc2s.sgov.gov"),
            ("eusc-de-east-1", "aws-eusc", "sts.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(Partition::of_region(region).as_str(), partition);
            assert_eq!(public_sts_host(region), host);
        }
    }

    #[test]
    fn assumed_role_prefix_len_matches_the_arn_prefix() {
        let len = |name: &str| name.parse::<Partition>().unwrap().assumed_role_prefix_len();
        assert_eq!((len("aws"), len("aws-cn"), len("aws-us-gov")), (39, 42, 46));
    }

    #[test]
    fn role_arn_parses_with_and_without_a_path() {
        for (arn, partition, path, name) in [
            ("arn:aws:iam::123456789012:role/batch", "aws", "/", "batch"),
            ("arn:aws-cn:iam::123456789012:role/batch", "aws-cn", "/", "batch"),
            ("arn:aws-us-gov:iam::123456789012:role/team/a/b=c", "aws-us-gov", "/team/a/", "b=c"),
        ] {
            let role = RoleArn::parse(arn).unwrap();
            assert_eq!((role.as_str(), role.account()), (arn, "123456789012"));
            assert_eq!((role.partition().as_str(), role.path(), role.name()), (partition, path, name));
        }
        for arn in [
            "",
            "batch",
            "arn:aws:iam::123456789012:user/batch",
            "arn:aws:iam::12345678901:role/batch",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:rolebatch",
            "arn:aws:iam::123456789012:roles/batch",
            "arn:aws:iam::123456789012:role/team/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:sts::123456789012:assumed-role/batch/x",
            "arn:azure:iam::123456789012:role/batch",
            &format!("arn:aws:iam::123456789012:role/{}", "x".repeat(65)),
        ] {
            assert!(RoleArn::parse(arn).is_err(), "{arn}");
        }
    }

    #[test]
    fn role_arn_gives_the_arn_of_its_sessions() {
        let role = RoleArn::parse("arn:aws-cn:iam::123456789012:role/team/batch").unwrap().into_owned();
        assert_eq!(role.assumed_role_arn(), "arn:aws-cn:sts::123456789012:assumed-role/batch");
    }
}
