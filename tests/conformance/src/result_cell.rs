//! The cells of a client's row.

use std::fmt;

/// What the pod proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A signed `GetCallerIdentity` request.
    AwsRole,
    /// AWS's own word about the role, as a JSON web token.
    AwsJwt,
    /// The cluster's word about the service account.
    Kubernetes,
}

impl Identity {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AwsRole => "aws-role",
            Self::AwsJwt => "aws-jwt",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// The provider at Google that takes it.
    pub(crate) fn provider(self) -> String {
        format!("projects/987654321098/locations/global/workloadIdentityPools/{0}/providers/{0}", self.name())
    }
}

/// Whom the app is to Google.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The federated principal itself.
    Direct,
    /// A service account.
    Impersonated,
}

impl Access {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Impersonated => "impersonated",
        }
    }
}

/// One cell: a client is run once for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResultCell {
    pub(crate) identity: Identity,
    /// As the annotation says it.
    pub(crate) source: &'static str,
    pub(crate) access: Access,
}

impl ResultCell {
    /// Every cell, in the table's order. To a library `aws-jwt` and `kubernetes` are the same, a token in a file: so one
    /// is run as a service account, and the other as itself.
    pub(crate) fn all() -> Vec<Self> {
        let (file, metadata) = ("file", "metadata");
        let columns: [(_, &[_], &[_]); 3] = [
            (Identity::AwsRole, &["loopback", file, metadata], &[Access::Direct, Access::Impersonated]),
            (Identity::AwsJwt, &[file, metadata], &[Access::Impersonated]),
            (Identity::Kubernetes, &[file, metadata], &[Access::Direct]),
        ];
        let mut cells = Vec::new();
        for (identity, sources, accesses) in columns {
            for &source in sources {
                cells.extend(accesses.iter().map(|&access| Self { identity, source, access }));
            }
        }
        cells
    }
}

impl fmt::Display for ResultCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}", self.identity.name(), self.source, self.access.name())
    }
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunResult {
    /// It fetched what it was to fetch.
    Success {
        /// As whom, in Google's words.
        principal: String,
    },
    /// It did not.
    Failure {
        /// In the library's words.
        error: String,
    },
}

impl fmt::Display for RunResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success { principal } => write!(f, "yes, as {principal}"),
            Self::Failure { error } => write!(f, "no: {error}"),
        }
    }
}
