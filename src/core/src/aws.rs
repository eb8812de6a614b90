//! AWS's partitions: what a role's ARN and a region say about hosts and lengths.

/// A group of regions with accounts, hosts and ARNs of its own.
///
/// Source: `partitions.json`, which every AWS SDK ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// As in `arn:NAME:iam::…`.
    pub name: &'static str,
    /// Of its public hosts, such as `amazonaws.com`.
    pub dns_suffix: &'static str,
    /// Where AWS STS is asked if nobody named a region.
    pub default_region: &'static str,
    region_prefixes: &'static [&'static str],
}

/// Every partition. The first is the one of regions that no other claims.
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
    /// The partition of a name such as `aws-cn`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PARTITIONS.iter().copied().find(|partition| partition.name == name)
    }

    /// The partition of a region; `aws` for a region that no other claims.
    #[must_use]
    pub fn of_region(region: &str) -> Self {
        let claims =
            |partition: &Self| partition.region_prefixes.iter().any(|prefix| region.starts_with(prefix));
        PARTITIONS.iter().copied().find(claims).unwrap_or(PARTITIONS[0])
    }

    /// Bytes of `arn:PARTITION:sts::ACCOUNT:assumed-role/`, what stands before the role in `google.subject`.
    #[must_use]
    pub const fn assumed_role_prefix_len(&self) -> usize {
        "arn:".len() + self.name.len() + ":sts::123456789012:assumed-role/".len()
    }
}

/// Where a pod's AWS credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialsSource {
    /// AWS STS, for a role that the pod names (IAM roles for service accounts).
    Irsa,
    /// EKS Pod Identity's agent, which knows the role.
    PodIdentity,
}

impl CredentialsSource {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Irsa, Self::PodIdentity];

    /// As the annotation says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Irsa => "irsa",
            Self::PodIdentity => "pod-identity",
        }
    }

    /// The one of a name such as `pod-identity`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

/// The public host of AWS STS in a region: what a subject token is signed for, whatever endpoint the sidecar itself
/// calls, since Google posts the signed request to that host.
#[must_use]
pub fn public_sts_host(region: &str) -> String {
    format!("sts.{region}.{}", Partition::of_region(region).dns_suffix)
}

/// The session policy that the sidecar assumes the role under: it may prove who it is and do nothing else.
/// `GetCallerIdentity` cannot be denied.
pub const DENY_ALL_SESSION_POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;

/// The same for a session that asks for a JSON web token: it may do that alone.
pub const GET_WEB_IDENTITY_TOKEN_SESSION_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*"}]}"#;

/// The audience of a projected token that AWS STS expects, unless the service account names another.
pub const TOKEN_AUDIENCE: &str = "sts.amazonaws.com";

/// The audience of a projected token that EKS Pod Identity's agent expects.
///
/// Source: "Understand how EKS Pod Identity works", Amazon EKS user guide.
pub const POD_IDENTITY_TOKEN_AUDIENCE: &str = "pods.eks.amazonaws.com";

/// Where that agent answers on a node with IPv4.
pub const POD_IDENTITY_URI: &str = "http://169.254.170.23/v1/credentials";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_tells_its_partition_and_host() {
        for (region, partition, host) in [
            ("us-east-2", "aws", "sts.us-east-2.amazonaws.com"),
            ("eu-west-1", "aws", "sts.eu-west-1.amazonaws.com"),
            ("cn-northwest-1", "aws-cn", "sts.cn-northwest-1.amazonaws.com.cn"),
            ("us-gov-east-1", "aws-us-gov", "sts.us-gov-east-1.amazonaws.com"),
            ("us-isob-east-1", "aws-iso-b", "sts.us-isob-east-1.sc2s.sgov.gov"),
            ("eusc-de-east-1", "aws-eusc", "sts.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(Partition::of_region(region).name, partition);
            assert_eq!(public_sts_host(region), host);
        }
    }

    #[test]
    fn the_fixed_part_of_the_subject() {
        let len = |name| Partition::named(name).unwrap().assumed_role_prefix_len();
        assert_eq!((len("aws"), len("aws-cn"), len("aws-us-gov")), (39, 42, 46));
    }
}
