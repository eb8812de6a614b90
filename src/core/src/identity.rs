//! What a pod proves to Google.

use crate::google;

/// What a pod proves, and so what its subject token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// Its IAM role, by a signed `GetCallerIdentity` request.
    AwsRole,
    /// Its IAM role, by a JSON web token of AWS STS.
    AwsJwt,
    /// Its Kubernetes service account, by a projected token of the cluster's own issuer.
    Kubernetes,
}

impl Identity {
    /// Every identity.
    pub const ALL: [Self; 3] = [Self::AwsRole, Self::AwsJwt, Self::Kubernetes];

    /// As the annotation says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwsRole => "aws-role",
            Self::AwsJwt => "aws-jwt",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// The identity of a name such as `aws-jwt`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|identity| identity.name() == name)
    }

    /// What Google STS calls its subject token.
    #[must_use]
    pub const fn subject_token_type(self) -> &'static str {
        match self {
            Self::AwsRole => google::AWS4_REQUEST,
            Self::AwsJwt | Self::Kubernetes => google::JWT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for identity in Identity::ALL {
            assert_eq!(Identity::named(identity.name()), Some(identity));
        }
        assert_eq!(Identity::named("AWS-role"), None);
    }
}
