//! Services of the fake clouds.

use serde::Serialize;

/// A service with an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Service {
    AwsSts,
    PodIdentity,
    GoogleSts,
    IamCredentials,
    Storage,
    BigQuery,
    /// IAM, Resource Manager and Service Usage.
    GoogleAdmin,
    /// The front end of all services on Cloud Run.
    CloudRun,
    /// Identity-Aware Proxy in front of all its applications.
    Iap,
}

impl Service {
    /// Returns the host at Google.
    pub(crate) const fn google_host(self) -> Option<&'static str> {
        match self {
            // Services on Cloud Run and applications have a host each.
            Self::AwsSts | Self::PodIdentity | Self::CloudRun | Self::Iap => None,
            Self::GoogleSts => Some("sts.googleapis.com"),
            Self::IamCredentials => Some("iamcredentials.googleapis.com"),
            Self::Storage => Some("storage.googleapis.com"),
            Self::BigQuery => Some("bigquery.googleapis.com"),
            // Of the admin APIs, apps call this one alone: old libraries look up the project's ID.
            Self::GoogleAdmin => Some("cloudresourcemanager.googleapis.com"),
        }
    }
}
