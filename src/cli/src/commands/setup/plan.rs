//! The plan of a setup: everything that the output depends on.

use rolebridge_core::aws::RoleArn;
use rolebridge_core::google::IAM_RESOURCES;
use rolebridge_core::identity::Identity;
use rolebridge_core::service_accounts::ServiceAccounts;

use crate::commands::setup::args::SetupArgs;
use crate::commands::setup::import::ImportedConfig;
use crate::error::CliError;
use crate::gcloud::{ProjectRef, account_member};

/// The APIs that the pool's project must have enabled: for the pool, for the exchange and for impersonation.
pub(super) const APIS: [&str; 3] =
    ["iam.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com"];

/// The role for the bucket of the example.
pub(super) const BUCKET_ROLE: &str = "roles/storage.objectViewer";

/// The roles for the project of the example: to run queries, and to read tables.
pub(super) const PROJECT_ROLES: [&str; 2] = ["roles/bigquery.jobUser", "roles/bigquery.dataViewer"];

/// Everything that the output depends on.
#[derive(Debug)]
pub(super) struct SetupPlan {
    pub(super) identity: Identity,
    pub(super) role: Option<RoleArn>,
    /// The provider's resource name: `projects/NUMBER/…`.
    pub(super) provider_name: String,
    pub(super) project_number: String,
    pub(super) pool: String,
    pub(super) provider: String,
    /// The Google service accounts, in the form of the annotation.
    pub(super) google_service_accounts: Option<String>,
    /// True if each service account may sign as itself.
    pub(super) sign: bool,
    /// The bucket of the example, or a placeholder.
    pub(super) bucket: String,
    /// The project with the data from the command line.
    data_project: Option<String>,
    pub(super) namespace: String,
    pub(super) service_account: String,
    pub(super) cluster: String,
    /// The cluster's issuer from the command line: `https://…`.
    pub(super) issuer: Option<String>,
    /// Additional annotations of the service account.
    pub(super) annotations: Vec<(&'static str, String)>,
}

impl SetupPlan {
    /// Combines the arguments with an imported configuration.
    ///
    /// # Errors
    ///
    /// Returns an error if they contradict each other, or if the identity's role is missing.
    pub(super) fn new(args: SetupArgs, namespace: &str, imported: ImportedConfig) -> Result<Self, CliError> {
        let identity = identity(args.identity.as_deref(), &imported)?;
        let [project_number, pool, provider] = [
            args.project_number.or(imported.project_number),
            args.pool.or(imported.pool),
            args.provider.or(imported.provider),
        ]
        .map(Option::unwrap_or_default);
        let plan = Self {
            identity,
            role: required_role(identity, args.role_arn)?,
            provider_name: format!(
                "projects/{project_number}/locations/global/workloadIdentityPools/{pool}/providers/{provider}"
            ),
            project_number,
            pool,
            provider,
            google_service_accounts: args.google_service_account.or(imported.service_account),
            sign: args.sign,
            bucket: args.bucket.unwrap_or_else(|| "BUCKET".to_owned()),
            data_project: args.data_project,
            namespace: namespace.to_owned(),
            service_account: args.service_account,
            cluster: args.cluster,
            issuer: args.issuer,
            annotations: imported.annotations,
        };
        plan.reject_signing_without_account()?;
        Ok(plan)
    }

    fn reject_signing_without_account(&self) -> Result<(), CliError> {
        if self.sign && self.google_service_accounts.is_none() {
            let message = "--sign: expected a service account, because direct access has no key to sign with. Fix: add \
                           --google-service-account.";
            return Err(CliError::Setup(message.to_owned()));
        }
        Ok(())
    }

    /// Returns the pod's `google.subject` under the attribute mappings that `setup` prints.
    pub(super) fn subject(&self, session_name: &str) -> String {
        match (&self.role, self.identity) {
            (Some(role), Identity::AwsRole) => format!("{}/{session_name}", role.assumed_role_arn()),
            (Some(role), _) => role.as_str().to_owned(),
            (None, _) => self.kubernetes_subject(),
        }
    }

    /// Returns the subject of the service account's tokens.
    pub(super) fn kubernetes_subject(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.service_account)
    }

    /// Returns the issuer without `https://`, as in IAM provider ARNs and condition keys.
    pub(super) fn issuer_host(&self) -> Option<&str> {
        self.issuer.as_deref()?.strip_prefix("https://")
    }

    /// Returns the member for Google IAM policies.
    pub(super) fn member(&self) -> String {
        let pool = format!(
            "{IAM_RESOURCES}projects/{}/locations/global/workloadIdentityPools/{}",
            self.project_number, self.pool
        );
        match (&self.role, self.identity) {
            (Some(role), Identity::AwsRole) => {
                format!("principalSet:{pool}/attribute.aws_role/{}", role.assumed_role_arn())
            }
            _ => format!("principal:{pool}/subject/{}", self.subject("")),
        }
    }

    /// Returns each account of the pod once: a service account, or `None` for direct access.
    pub(super) fn accounts(&self) -> Vec<Option<&str>> {
        let list = self.google_service_accounts.as_deref();
        let accounts = list.and_then(|list| ServiceAccounts::parse(list).ok());
        accounts.map_or_else(|| vec![None], |accounts| accounts.accounts().to_vec())
    }

    /// Returns the project with the pod's data: that of the first service account, or `None` for the pool's.
    pub(super) fn data_project(&self) -> Option<ProjectRef<'_>> {
        let of_account = || self.accounts().into_iter().flatten().next().and_then(ProjectRef::of_account);
        self.data_project.clone().map(ProjectRef::Id).or_else(of_account)
    }

    /// Returns the member that reads the data: a service account, or the pod itself.
    pub(super) fn data_member(&self, account: Option<&str>) -> String {
        account.map_or_else(|| self.member(), account_member)
    }

    /// Returns the provider's attribute condition: a list, so that other roles can be added to it.
    pub(super) fn condition(&self) -> String {
        match (&self.role, self.identity) {
            (Some(role), Identity::AwsRole) => {
                format!("attribute.aws_role in ['{}']", role.assumed_role_arn())
            }
            _ => format!("assertion.sub in ['{}']", self.subject("")),
        }
    }
}

/// Returns the identity of the flag if it matches the imported configuration.
fn identity(flag: Option<&str>, imported: &ImportedConfig) -> Result<Identity, CliError> {
    let invalid = |message: &str| Err(CliError::Setup(format!("--identity: {message}")));
    match (flag.and_then(|name| name.parse().ok()), imported.is_aws_request) {
        (Some(identity), Some(is_aws_request)) if is_aws_request != (identity == Identity::AwsRole) => {
            invalid("does not match the subject_token_type in the configuration of --from")
        }
        (Some(identity), _) => Ok(identity),
        (None, Some(false)) => invalid(
            "expected aws-jwt or kubernetes, because the configuration of --from uses a JSON web token",
        ),
        (None, _) => Ok(Identity::AwsRole),
    }
}

/// Returns the role that an identity needs, if it needs one.
fn required_role(identity: Identity, flag: Option<RoleArn>) -> Result<Option<RoleArn>, CliError> {
    let invalid = |message: &str| Err(CliError::Setup(format!("--role-arn: {message}")));
    match (identity, flag) {
        (Identity::Kubernetes, Some(_)) => invalid("the identity kubernetes has no IAM role"),
        (Identity::AwsRole | Identity::AwsJwt, None) => {
            invalid("expected arn:aws:iam::ACCOUNT:role/NAME, because the identity proves an IAM role")
        }
        (_, role) => Ok(role),
    }
}
