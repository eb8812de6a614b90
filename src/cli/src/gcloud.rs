//! Parts of the gcloud commands that `setup` and `doctor` print.
//!
//! gcloud does not accept a project's number for `--project`. It takes the project of a service account from `--project` or
//! from its configuration, not from the email.
//!
//! Sources: `gcloud iam workload-identity-pools --help`, `gcloud iam service-accounts --help`.

use crate::output::quote::shell;

/// The attribute mapping that Google applies to an AWS provider without a mapping of its own, without `google.subject`.
///
/// A provider with any mapping has only that mapping, so a command that maps the subject must repeat this attribute.
/// Source: `attributeMapping` of a workload identity pool provider, IAM discovery document.
pub(crate) const DEFAULT_ROLE_MAPPING: &str = "attribute.aws_role=assertion.arn.contains('assumed-role') ? \
     assertion.arn.extract('{account_arn}assumed-role/') + 'assumed-role/' + \
     assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn";

/// The role with which an account gets the tokens of another one, or signs as it: as itself, if it is its own member.
pub(crate) const TOKEN_CREATOR: &str = "roles/iam.serviceAccountTokenCreator";

/// The API that signs. It must be enabled in the project of the service account too, because the account calls it itself.
pub(crate) const SIGNING_API: &str = "iamcredentials.googleapis.com";

/// Returns a service account as a member of Google IAM policies.
pub(crate) fn account_member(email: &str) -> String {
    format!("serviceAccount:{email}")
}

/// A project, as a name states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProjectRef<'a> {
    Id(String),
    Number(&'a str),
}

impl<'a> ProjectRef<'a> {
    /// Returns the project of a service account, if its email names a project.
    ///
    /// In a project `DOMAIN:ID`, the email has `ID.DOMAIN`. Source: "Types of service accounts", IAM documentation.
    pub(crate) fn of_account(email: &'a str) -> Option<Self> {
        let (name, domain) = email.split_once('@')?;
        if domain == "developer.gserviceaccount.com" {
            return name.strip_suffix("-compute").map(Self::Number);
        }
        let project = match domain {
            "appspot.gserviceaccount.com" => name,
            _ => domain.strip_suffix(".iam.gserviceaccount.com")?,
        };
        Some(Self::Id(match project.split_once('.') {
            Some((id, domain)) => format!("{domain}:{id}"),
            None => project.to_owned(),
        }))
    }

    /// Returns the project as a word of a shell, for `--project`.
    pub(crate) fn shell(&self) -> String {
        match self {
            Self::Id(id) => shell(id),
            Self::Number(number) => format!("\"{}\"", id_of(number)),
        }
    }
}

/// Returns a substitution of a shell: the ID of the project with a number.
fn id_of(number: &str) -> String {
    format!("$(gcloud projects describe {} --format 'value(projectId)')", shell(number))
}

/// Returns the line that sets the shell's variable `PROJECT` to the ID of the project with a number.
pub(crate) fn set_project(number: &str) -> String {
    format!("PROJECT={}", id_of(number))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::user_managed("nightly-batch@shop-data.iam.gserviceaccount.com", Some("shop-data"))]
    #[case::domain("nightly-batch@shop.example.com.iam.gserviceaccount.com", Some("example.com:shop"))]
    #[case::universe("nightly-batch@shop-data.eu0.iam.gserviceaccount.com", Some("eu0:shop-data"))]
    #[case::app_engine("shop-data@appspot.gserviceaccount.com", Some("shop-data"))]
    #[case::app_engine_of_domain("shop.example.com@appspot.gserviceaccount.com", Some("example.com:shop"))]
    #[case::compute_engine(
        "123-compute@developer.gserviceaccount.com",
        Some("\"$(gcloud projects describe 123 --format 'value(projectId)')\"")
    )]
    #[case::agent("123@cloudservices.gserviceaccount.com", None)]
    #[case::other("batch@developer.gserviceaccount.com", None)]
    fn project_of_an_account_is_in_its_email(#[case] email: &str, #[case] expected: Option<&str>) {
        let project = ProjectRef::of_account(email).map(|project| project.shell());
        assert_eq!(project.as_deref(), expected);
    }
}
