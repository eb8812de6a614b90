//! The cells of a client's row, and their results.

use std::fmt;

use rolebridge_core::token_source::TokenSource;
use rolebridge_tests::world::GOOGLE_ACCOUNT;

/// The identity of the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A signed `GetCallerIdentity` request.
    AwsRole,
    /// A JSON web token from AWS about the role.
    AwsJwt,
    /// A JSON web token from the cluster about the service account.
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

    /// Returns the provider at Google that accepts the identity.
    pub(crate) fn provider(self) -> String {
        format!("projects/987654321098/locations/global/workloadIdentityPools/{0}/providers/{0}", self.name())
    }
}

/// The principal of the app at Google.
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

    /// Returns true if Google's name of a principal is of the kind that this access means.
    pub(crate) fn is_principal(self, name: &str) -> bool {
        match self {
            Self::Direct => name.starts_with("principal://"),
            Self::Impersonated => name == format!("serviceAccount:{GOOGLE_ACCOUNT}"),
        }
    }
}

/// A cell: one run of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResultCell {
    pub(crate) identity: Identity,
    /// The source, as in the annotation.
    pub(crate) source: &'static str,
    pub(crate) access: Access,
}

impl ResultCell {
    /// Returns every cell, in the order of the table. `aws-jwt` and `kubernetes` look the same to a library, a token in
    /// a file: so one runs as a service account, and the other as the federated principal.
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

    /// Returns the cells of a program: each source, both ways. `metadata-host` is among them for a program that knows the
    /// metadata server's name, because to others it is `metadata`.
    pub(crate) fn of_program(knows_metadata_host: bool) -> Vec<Self> {
        let mut cells = Self::all();
        cells.retain(|cell| cell.identity == Identity::AwsRole);
        let accesses = [Access::Direct, Access::Impersonated].into_iter().filter(|_| knows_metadata_host);
        cells.extend(accesses.map(|access| Self {
            identity: Identity::AwsRole,
            source: TokenSource::MetadataHost.as_str(),
            access,
        }));
        cells
    }

    /// Returns the cells of a version in the search: each source once.
    pub(crate) fn of_versions() -> Vec<Self> {
        Self::of_longer(false)
    }

    /// Returns the cells of a run that is longer than a token: each source once, as a service account.
    pub(crate) fn of_longer(knows_metadata_host: bool) -> Vec<Self> {
        let mut cells = Self::of_program(knows_metadata_host);
        cells.retain(|cell| cell.access == Access::Impersonated);
        cells
    }
}

impl fmt::Display for ResultCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}", self.identity.name(), self.source, self.access.name())
    }
}

/// The beginning of the error of a run that took too long.
pub(crate) const TIMED_OUT: &str = "timed out";

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunResult {
    /// The client fetched the data.
    Success {
        /// The principal, as Google names it.
        principal: String,
    },
    /// The client did not fetch the data.
    Failure {
        /// The library's error message.
        error: String,
    },
}

impl RunResult {
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self, Self::Success { .. })
    }

    /// Returns true if the run took too long, which may be the machine's fault.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::Failure { error } if error.starts_with(TIMED_OUT))
    }
}

impl fmt::Display for RunResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success { principal } => write!(f, "yes, as {principal}"),
            Self::Failure { error } => write!(f, "no: {error}"),
        }
    }
}
