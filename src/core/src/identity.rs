//! The identities that a pod can prove to Google.

use std::str::FromStr;

use crate::google;
use crate::invalid_value::InvalidValue;

/// The identity that a pod proves, which determines its subject token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// The IAM role, proved by a signed `GetCallerIdentity` request.
    AwsRole,
    /// The IAM role, proved by a JSON web token of AWS STS.
    AwsJwt,
    /// The Kubernetes service account, proved by a projected token of the cluster's issuer.
    Kubernetes,
}

impl Identity {
    /// All identities.
    pub const ALL: [Self; 3] = [Self::AwsRole, Self::AwsJwt, Self::Kubernetes];

    /// Returns the annotation's value for this identity.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwsRole => "aws-role",
            Self::AwsJwt => "aws-jwt",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Returns the subject token type for Google STS.
    #[must_use]
    pub const fn subject_token_type(self) -> &'static str {
        match self {
            Self::AwsRole => google::AWS4_REQUEST,
            Self::AwsJwt | Self::Kubernetes => google::JWT,
        }
    }
}

impl FromStr for Identity {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let identity = Self::ALL.into_iter().find(|identity| identity.as_str() == text);
        identity
            .ok_or_else(|| InvalidValue::expected("an identity: \"aws-role\", \"aws-jwt\" or \"kubernetes\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_parses_its_own_name() {
        for identity in Identity::ALL {
            assert_eq!(identity.as_str().parse(), Ok(identity));
        }
        assert!("AWS-role".parse::<Identity>().is_err());
    }
}
