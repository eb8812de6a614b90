//! The arguments of `setup`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rolebridge_core::aws::RoleArn;

use crate::commands::setup::value_parsers;

/// The arguments of `setup`.
#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    /// The identity that the pod proves to Google
    #[arg(long, value_parser = ["aws-role", "aws-jwt", "kubernetes"])]
    pub(super) identity: Option<String>,
    /// The IAM role, for aws-role and aws-jwt
    #[arg(long, value_name = "ARN", value_parser = value_parsers::role)]
    pub(super) role_arn: Option<RoleArn>,
    /// The number of the Google project with the pool
    #[arg(long, value_name = "NUMBER", required_unless_present = "from")]
    #[arg(value_parser = value_parsers::project_number)]
    pub(super) project_number: Option<String>,
    /// The workload identity pool
    #[arg(long, required_unless_present = "from", value_parser = value_parsers::pool)]
    pub(super) pool: Option<String>,
    /// The pool's provider
    #[arg(long, required_unless_present = "from", value_parser = value_parsers::pool)]
    pub(super) provider: Option<String>,
    /// The Google service account to impersonate, with exceptions by container: EMAIL,CONTAINER=EMAIL [default: none, direct
    /// access]
    #[arg(long, value_name = "EMAIL", value_parser = value_parsers::service_accounts)]
    pub(super) google_service_account: Option<String>,
    /// Let the service account sign URLs and tokens: grants it `roles/iam.serviceAccountTokenCreator` on itself
    #[arg(long)]
    pub(super) sign: bool,
    /// A bucket that the pods read [default: BUCKET, a placeholder]
    #[arg(long, value_name = "NAME", value_parser = value_parsers::bucket)]
    pub(super) bucket: Option<String>,
    /// The ID of the Google project with the data [default: that of the service account, else that of the pool]
    #[arg(long, value_name = "PROJECT", value_parser = value_parsers::project_id)]
    pub(super) data_project: Option<String>,
    /// The Kubernetes service account of the pods
    #[arg(short, long, value_name = "NAME", default_value = "default", value_parser = value_parsers::shell_safe)]
    pub(super) service_account: String,
    /// The EKS cluster's name
    #[arg(long, value_name = "NAME", default_value = "CLUSTER", value_parser = value_parsers::shell_safe)]
    pub(super) cluster: String,
    /// The cluster's OIDC issuer, if the cluster is not on EKS or `aws eks describe-cluster` is not available
    #[arg(long, value_name = "URL", conflicts_with = "cluster", value_parser = value_parsers::issuer)]
    pub(super) issuer: Option<String>,
    /// A credential configuration from Google's console or `gcloud iam workload-identity-pools create-cred-config`; `-` is
    /// standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["project_number", "pool", "provider"])]
    pub(super) from: Option<PathBuf>,
    /// The role's trust policy, or the output of `aws iam get-role`: checks that it trusts the service account; `-` is
    /// standard input
    #[arg(long, value_name = "FILE")]
    pub(super) trust_policy: Option<PathBuf>,
}

/// The output format of `setup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SetupFormat {
    /// `aws` and `gcloud` commands, then kubectl
    Commands,
    /// Terraform for AWS and Google
    Terraform,
    /// Only the Kubernetes objects
    Kubernetes,
}
