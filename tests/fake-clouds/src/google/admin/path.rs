//! The paths of the admin APIs.

use percent_encoding::percent_decode_str;

use crate::google::error::Style;

/// A resource or a collection in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Project {
        project: String,
    },
    Services {
        project: String,
    },
    Service {
        project: String,
        service: String,
    },
    /// An operation of Service Usage.
    ServiceOperation {
        id: String,
    },
    Pools {
        project: String,
    },
    Pool {
        project: String,
        pool: String,
    },
    Providers {
        project: String,
        pool: String,
    },
    Provider {
        project: String,
        pool: String,
        provider: String,
    },
    /// An operation of IAM, by its name.
    Operation {
        name: String,
    },
    ServiceAccounts {
        project: String,
    },
    ServiceAccount {
        project: String,
        email: String,
    },
    /// The policy of a bucket.
    BucketPolicy {
        bucket: String,
    },
}

impl Target {
    /// Parses a path with its custom verb, as in `…/aws-pool:undelete`.
    pub(super) fn parse(path: &str) -> Option<(Self, Option<String>)> {
        if let Some(bucket) = path.strip_prefix("/storage/v1/b/").and_then(|rest| rest.strip_suffix("/iam")) {
            return Some((Self::BucketPolicy { bucket: bucket.to_owned() }, None));
        }
        let path = percent_decode_str(path.strip_prefix("/v1/")?).decode_utf8().ok()?;
        // No other part of a path has a colon.
        let (path, verb) = match path.rsplit_once(':') {
            Some((path, verb)) => (path, Some(verb.to_owned())),
            None => (&*path, None),
        };
        let parts: Vec<&str> = path.split('/').collect();
        let own = |part: &str| part.to_owned();
        let target = match parts[..] {
            ["operations", id] => Self::ServiceOperation { id: own(id) },
            ["projects", project] => Self::Project { project: own(project) },
            ["projects", project, "services"] => Self::Services { project: own(project) },
            ["projects", project, "services", service] => {
                Self::Service { project: own(project), service: own(service) }
            }
            ["projects", project, "serviceAccounts"] => Self::ServiceAccounts { project: own(project) },
            ["projects", project, "serviceAccounts", email] => {
                Self::ServiceAccount { project: own(project), email: own(email) }
            }
            ["projects", project, "locations", "global", "workloadIdentityPools", ref rest @ ..] => {
                Self::of_pool(own(project), rest, path)?
            }
            _ => return None,
        };
        Some((target, verb))
    }

    fn of_pool(project: String, rest: &[&str], path: &str) -> Option<Self> {
        let own = |part: &str| part.to_owned();
        Some(match *rest {
            [] => Self::Pools { project },
            [pool] => Self::Pool { project, pool: own(pool) },
            [_, "operations", _] | [_, "providers", _, "operations", _] => {
                Self::Operation { name: own(path) }
            }
            [pool, "providers"] => Self::Providers { project, pool: own(pool) },
            [pool, "providers", provider] => {
                Self::Provider { project, pool: own(pool), provider: own(provider) }
            }
            _ => return None,
        })
    }

    /// Returns the format of the API's errors.
    pub(super) const fn style(&self) -> Style {
        if matches!(self, Self::BucketPolicy { .. }) { Style::Legacy } else { Style::Rpc }
    }

    /// Returns the API, as its discovery document is named.
    pub(super) const fn api(&self) -> &'static str {
        match self {
            Self::Project { .. } => "cloudresourcemanager.v1",
            Self::Services { .. } | Self::Service { .. } | Self::ServiceOperation { .. } => "serviceusage.v1",
            Self::BucketPolicy { .. } => "storage.v1",
            _ => "iam.v1",
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/v1/projects/shop", "Project", None)]
    #[case("/v1/projects/shop:getIamPolicy", "Project", Some("getIamPolicy"))]
    #[case("/v1/projects/shop/services:batchEnable", "Services", Some("batchEnable"))]
    #[case("/v1/projects/shop/services/sts.googleapis.com:enable", "Service", Some("enable"))]
    #[case("/storage/v1/b/shop-reports/iam", "BucketPolicy", None)]
    #[case("/v1/operations/acf.p2-1", "ServiceOperation", None)]
    #[case("/v1/projects/1/serviceAccounts/a@b.c:setIamPolicy", "ServiceAccount", Some("setIamPolicy"))]
    #[case("/v1/projects/1/serviceAccounts/a%40b.c", "ServiceAccount", None)]
    #[case("/v1/projects/1/locations/global/workloadIdentityPools", "Pools", None)]
    #[case("/v1/projects/1/locations/global/workloadIdentityPools/p/operations/x", "Operation", None)]
    #[case("/v1/projects/1/locations/global/workloadIdentityPools/p/providers", "Providers", None)]
    #[case(
        "/v1/projects/1/locations/global/workloadIdentityPools/p/providers/q:undelete",
        "Provider",
        Some("undelete")
    )]
    fn path_is_parsed(#[case] path: &str, #[case] target: &str, #[case] verb: Option<&str>) {
        let (found, found_verb) = Target::parse(path).unwrap();
        assert_eq!(format!("{found:?}").split([' ', '{']).next(), Some(target), "{path}");
        assert_eq!(found_verb.as_deref(), verb, "{path}");
    }

    #[rstest]
    #[case("/v2/projects/shop")]
    #[case("/v1/projects/1/locations/europe/workloadIdentityPools")]
    #[case("/v1/projects")]
    fn other_path_is_unknown(#[case] path: &str) {
        assert_eq!(Target::parse(path), None, "{path}");
    }
}
