//! IAM policies of Google: bindings of members to roles, and the permissions of the roles.

use super::principal::Principal;
use crate::config::Binding;
use crate::error::ConfigError;

/// The known roles, each with the permissions that this fake checks.
const ROLES: &[(&str, &[&str])] = &[
    (
        "roles/iam.workloadIdentityUser",
        &["iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken"],
    ),
    (
        "roles/iam.serviceAccountTokenCreator",
        &[
            "iam.serviceAccounts.getAccessToken",
            "iam.serviceAccounts.getOpenIdToken",
            "iam.serviceAccounts.implicitDelegation",
            "iam.serviceAccounts.signBlob",
        ],
    ),
    ("roles/iam.serviceAccountOpenIdTokenCreator", &["iam.serviceAccounts.getOpenIdToken"]),
    ("roles/iap.httpsResourceAccessor", &["iap.webServiceVersions.accessViaIAP"]),
    ("roles/run.invoker", &["run.routes.invoke"]),
    ("roles/storage.objectViewer", &["storage.objects.get", "storage.objects.list"]),
    ("roles/storage.objectUser", &["storage.objects.get", "storage.objects.list"]),
    ("roles/storage.legacyObjectReader", &["storage.objects.get"]),
    (
        "roles/storage.admin",
        &[
            "storage.buckets.getIamPolicy",
            "storage.buckets.setIamPolicy",
            "storage.objects.get",
            "storage.objects.list",
        ],
    ),
    ("roles/bigquery.jobUser", &["bigquery.jobs.create"]),
    ("roles/bigquery.user", &["bigquery.jobs.create"]),
    ("roles/bigquery.dataViewer", &["bigquery.tables.getData"]),
    ("roles/bigquery.admin", &["bigquery.jobs.create", "bigquery.tables.getData"]),
    (
        "roles/owner",
        &[
            "bigquery.jobs.create",
            "bigquery.tables.getData",
            "iam.serviceAccounts.create",
            "iam.serviceAccounts.delete",
            "iam.serviceAccounts.get",
            "iam.serviceAccounts.getIamPolicy",
            "iam.serviceAccounts.list",
            "iam.serviceAccounts.setIamPolicy",
            "iam.workloadIdentityPoolProviders.create",
            "iam.workloadIdentityPoolProviders.delete",
            "iam.workloadIdentityPoolProviders.get",
            "iam.workloadIdentityPoolProviders.list",
            "iam.workloadIdentityPoolProviders.undelete",
            "iam.workloadIdentityPoolProviders.update",
            "iam.workloadIdentityPools.create",
            "iam.workloadIdentityPools.delete",
            "iam.workloadIdentityPools.get",
            "iam.workloadIdentityPools.list",
            "iam.workloadIdentityPools.undelete",
            "iam.workloadIdentityPools.update",
            "resourcemanager.projects.get",
            "resourcemanager.projects.getIamPolicy",
            "resourcemanager.projects.setIamPolicy",
            "serviceusage.services.enable",
            "serviceusage.services.get",
        ],
    ),
];

/// A policy with its parsed members.
#[derive(Debug, Default)]
pub(crate) struct Policy(Vec<(&'static [&'static str], Vec<Member>)>);

#[derive(Debug, PartialEq, Eq)]
enum Member {
    Subject { pool: String, subject: String },
    Attribute { pool: String, name: String, value: String },
    WholePool { pool: String },
    ServiceAccount { email: String },
    User { email: String },
}

impl Policy {
    pub(crate) fn new(location: &str, bindings: &[Binding]) -> Result<Self, ConfigError> {
        let resolve = |binding: &Binding| {
            let (_, permissions) = ROLES.iter().find(|(role, _)| *role == binding.role).ok_or_else(|| {
                let known: Vec<_> = ROLES.iter().map(|(role, _)| *role).collect();
                ConfigError::new(
                    location,
                    format!("expected one of the roles {}, found `{}`", known.join(", "), binding.role),
                )
            })?;
            let members = binding.members.iter().map(|member| {
                Member::parse(member).ok_or_else(|| {
                    ConfigError::new(
                        location,
                        format!(
                            "expected principal://…/subject/SUBJECT, principalSet://…/attribute.NAME/VALUE, \
                             principalSet://…/*, serviceAccount:EMAIL or user:EMAIL, found `{member}`"
                        ),
                    )
                })
            });
            Ok((*permissions, members.collect::<Result<_, _>>()?))
        };
        bindings.iter().map(resolve).collect::<Result<_, _>>().map(Self)
    }

    /// Returns true if a principal has a permission.
    pub(crate) fn grants(&self, permission: &str, principal: &Principal) -> bool {
        let bindings = self.0.iter().filter(|(permissions, _)| permissions.contains(&permission));
        bindings.flat_map(|(_, members)| members).any(|member| member.includes(principal))
    }
}

impl Member {
    /// Returns the pool in the member's name.
    fn pool(&self) -> Option<&str> {
        match self {
            Self::Subject { pool, .. } | Self::Attribute { pool, .. } | Self::WholePool { pool } => {
                Some(pool)
            }
            Self::ServiceAccount { .. } | Self::User { .. } => None,
        }
    }

    fn parse(member: &str) -> Option<Self> {
        if let Some(email) = member.strip_prefix("serviceAccount:") {
            return Some(Self::ServiceAccount { email: email.to_owned() });
        }
        if let Some(email) = member.strip_prefix("user:") {
            return Some(Self::User { email: email.to_owned() });
        }
        if let Some(rest) = member.strip_prefix("principal:") {
            let (pool, subject) = rest.split_once("/subject/")?;
            return (is_pool(pool) && !subject.is_empty())
                .then(|| Self::Subject { pool: pool.to_owned(), subject: subject.to_owned() });
        }
        let rest = member.strip_prefix("principalSet:")?;
        if let Some(pool) = rest.strip_suffix("/*") {
            return is_pool(pool).then(|| Self::WholePool { pool: pool.to_owned() });
        }
        let (pool, attribute) = rest.split_once("/attribute.")?;
        let (name, value) = attribute.split_once('/')?;
        (is_pool(pool) && !name.is_empty() && !value.is_empty()).then(|| Self::Attribute {
            pool: pool.to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }

    fn includes(&self, principal: &Principal) -> bool {
        match (self, principal) {
            (Self::ServiceAccount { email }, Principal::ServiceAccount { email: caller })
            | (Self::User { email }, Principal::User { email: caller }) => email == caller,
            (
                Self::Subject { pool, subject },
                Principal::Federated { pool: caller_pool, subject: caller, .. },
            ) => pool == caller_pool && subject == caller,
            (
                Self::Attribute { pool, name, value },
                Principal::Federated { pool: caller_pool, attributes, .. },
            ) => pool == caller_pool && attributes.get(name) == Some(value),
            (Self::WholePool { pool }, Principal::Federated { pool: caller_pool, .. }) => pool == caller_pool,
            _ => false,
        }
    }
}

/// Returns true if this fake knows a role.
pub(crate) fn is_role(role: &str) -> bool {
    ROLES.iter().any(|(known, _)| *known == role)
}

/// Returns true if a member has one of the known forms.
pub(crate) fn is_member(member: &str) -> bool {
    Member::parse(member).is_some()
}

/// Returns the pool that a member refers to, `//iam.googleapis.com/projects/NUMBER/…`.
pub(crate) fn pool_of_member(member: &str) -> Option<String> {
    Member::parse(member)?.pool().map(str::to_owned)
}

/// Returns true if a text is `//HOST/projects/NUMBER/locations/global/workloadIdentityPools/POOL`.
fn is_pool(text: &str) -> bool {
    let parts: Vec<_> = text.split('/').collect();
    let ["", "", host, "projects", number, "locations", "global", "workloadIdentityPools", pool] = parts[..]
    else {
        return false;
    };
    // Google rejects the project's ID in place of its number, which is a common mistake.
    host.starts_with("iam.")
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !pool.is_empty()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const POOL: &str = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/aws-pool";

    fn caller() -> Principal {
        Principal::Federated {
            pool: POOL.to_owned(),
            subject: "arn:aws:sts::1:assumed-role/batch/s".to_owned(),
            attributes: [("aws_role".to_owned(), "arn:aws:sts::1:assumed-role/batch".to_owned())].into(),
        }
    }

    #[rstest]
    #[case(format!("principal:{POOL}/subject/arn:aws:sts::1:assumed-role/batch/s"), true, false)]
    #[case(format!("principal:{POOL}/subject/arn:aws:sts::1:assumed-role/batch/t"), false, false)]
    #[case(format!("principal:{POOL}2/subject/arn:aws:sts::1:assumed-role/batch/s"), false, false)]
    #[case(format!("principalSet:{POOL}/attribute.aws_role/arn:aws:sts::1:assumed-role/batch"), true, false)]
    #[case(format!("principalSet:{POOL}/attribute.aws_role/arn:aws:sts::1:assumed-role/bat"), false, false)]
    #[case(format!("principalSet:{POOL}/attribute.other/arn:aws:sts::1:assumed-role/batch"), false, false)]
    #[case(format!("principalSet:{POOL}/*"), true, false)]
    #[case(format!("principalSet:{}/*", POOL.replace("123", "124")), false, false)]
    #[case("serviceAccount:a@p.iam.gserviceaccount.com".to_owned(), false, true)]
    #[case("serviceAccount:b@p.iam.gserviceaccount.com".to_owned(), false, false)]
    fn grants_checks_member_and_permission(
        #[case] member: String,
        #[case] federated: bool,
        #[case] account: bool,
    ) {
        let email = Principal::ServiceAccount { email: "a@p.iam.gserviceaccount.com".to_owned() };
        let binding =
            Binding { role: "roles/iam.workloadIdentityUser".to_owned(), members: vec![member.clone()] };
        let policy = Policy::new("here", &[binding]).unwrap();
        let grants = |principal| policy.grants("iam.serviceAccounts.getAccessToken", principal);
        assert_eq!((grants(&caller()), grants(&email)), (federated, account), "{member}");
        assert!(!policy.grants("storage.objects.get", &caller()), "{member}");
    }

    #[rstest]
    #[case("roles/editor", "serviceAccount:a")]
    #[case("roles/iam.workloadIdentityUser", "group:a@example.com")]
    #[case(
        "roles/iam.workloadIdentityUser",
        "principalSet://iam.googleapis.com/projects/shop/locations/global/workloadIdentityPools/aws-pool/*"
    )]
    #[case(
        "roles/iam.workloadIdentityUser",
        "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws-pool/subject/"
    )]
    #[case(
        "roles/iam.workloadIdentityUser",
        "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws-pool/attribute.aws_role"
    )]
    fn unknown_roles_and_members_are_rejected(#[case] role: &str, #[case] member: &str) {
        let binding = Binding { role: role.to_owned(), members: vec![member.to_owned()] };
        let error = Policy::new("here", &[binding]).unwrap_err().to_string();
        assert!(error.starts_with("here: expected "), "{error}");
    }
}
