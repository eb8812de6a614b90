//! Renders a Terraform module for both clouds.
//!
//! Sources: the schemas of the providers hashicorp/aws and hashicorp/google, with which a test compares each module.

use rolebridge_core::aws::{GET_WEB_IDENTITY_TOKEN_SESSION_POLICY, RoleArn, TOKEN_AUDIENCE};
use rolebridge_core::identity::Identity;

use crate::commands::setup::plan::{APIS, BUCKET_ROLE, PROJECT_ROLES, SetupPlan};
use crate::gcloud::{ProjectRef, SIGNING_API, TOKEN_CREATOR, account_member};
use crate::output::quote::terraform;

/// Renders the module.
pub(super) fn write(plan: &SetupPlan) -> String {
    let issuer = match &plan.issuer {
        Some(issuer) => format!("locals {{\n  issuer = {}\n}}\n", terraform(issuer)),
        None => format!(
            r#"data "aws_eks_cluster" "this" {{
  name = {}
}}

locals {{
  issuer = data.aws_eks_cluster.this.identity[0].oidc[0].issuer
}}
"#,
            terraform(&plan.cluster)
        ),
    };
    let cluster = format!("# Import what exists already, or read it with data sources.\n\n{issuer}");
    let aws = plan.role.as_ref().map(|role| aws(plan, role)).unwrap_or_default();
    [cluster, aws, google(plan)].concat()
}

fn aws(plan: &SetupPlan, role: &RoleArn) -> String {
    let subject = terraform(&plan.kubernetes_subject());
    let (path, name) = (terraform(role.path()), terraform(role.name()));
    let role = format!(
        r#"
resource "aws_iam_openid_connect_provider" "cluster" {{
  url            = local.issuer
  client_id_list = ["{TOKEN_AUDIENCE}"]
}}

resource "aws_iam_role" "this" {{
  name = {name}
  path = {path}
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = aws_iam_openid_connect_provider.cluster.arn }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{
        StringEquals = {{
          "${{trimprefix(local.issuer, "https://")}}:aud" = "{TOKEN_AUDIENCE}"
          "${{trimprefix(local.issuer, "https://")}}:sub" = {subject}
        }}
      }}
    }}]
  }})
}}
"#
    );
    if plan.identity != Identity::AwsJwt {
        return role;
    }
    let tokens = format!(
        r#"
# A setting of the whole account: enable it once, with `aws iam enable-outbound-web-identity-federation`. A resource would
# disable it for every workload of the account when it is destroyed.
data "aws_iam_outbound_web_identity_federation" "this" {{}}

resource "aws_iam_role_policy" "rolebridge" {{
  name   = "rolebridge"
  role   = aws_iam_role.this.name
  policy = jsonencode({GET_WEB_IDENTITY_TOKEN_SESSION_POLICY})
}}
"#
    );
    role + &tokens
}

fn google(plan: &SetupPlan) -> String {
    let provider_config = match (&plan.role, plan.identity) {
        (Some(role), Identity::AwsRole) => {
            format!("  aws {{\n    account_id = {}\n  }}", terraform(role.account()))
        }
        (role, _) => {
            let issuer = if role.is_some() {
                "data.aws_iam_outbound_web_identity_federation.this.issuer_identifier"
            } else {
                "local.issuer"
            };
            format!(
                "  attribute_mapping = {{\n    \"google.subject\" = \"assertion.sub\"\n  }}\n  oidc {{\n    \
                 issuer_uri = {issuer}\n  }}"
            )
        }
    };
    let (pool, provider, condition) =
        (terraform(&plan.pool), terraform(&plan.provider), terraform(&plan.condition()));
    let description = terraform(&format!("ID of the Google project with the number {}", plan.project_number));
    let pool = format!(
        r#"
variable "google_project" {{
  description = {description}
  type        = string
}}

resource "google_project_service" "needed" {{
  for_each           = toset({APIS:?})
  project            = var.google_project
  service            = each.value
  disable_on_destroy = false
}}

resource "google_iam_workload_identity_pool" "this" {{
  project                   = var.google_project
  workload_identity_pool_id = {pool}
  depends_on                = [google_project_service.needed]
}}

resource "google_iam_workload_identity_pool_provider" "this" {{
  project                            = var.google_project
  workload_identity_pool_id          = google_iam_workload_identity_pool.this.workload_identity_pool_id
  workload_identity_pool_provider_id = {provider}
  attribute_condition                = {condition}
{provider_config}
}}
"#
    );
    let accounts = plan.accounts().into_iter().enumerate();
    let accounts = accounts.filter_map(|(index, email)| Some(service_account(plan, email?, &suffix(index))));
    [pool, accounts.collect(), data_roles(plan)].concat()
}

/// Returns the end of the names of an account's resources.
fn suffix(index: usize) -> String {
    if index == 0 { String::new() } else { format!("_{}", index + 1) }
}

/// Renders a service account that the pod impersonates.
fn service_account(plan: &SetupPlan, email: &str, suffix: &str) -> String {
    let (project, member) = (project(ProjectRef::of_account(email)), terraform(&plan.member()));
    // Google creates the others, such as that of App Engine.
    let name = email.split_once('@').filter(|(_, domain)| domain.ends_with(".iam.gserviceaccount.com"));
    let (account, id) = match name {
        Some((name, _)) => (
            format!(
                r#"
resource "google_service_account" "impersonated{suffix}" {{
  project                      = {project}
  account_id                   = {}
  create_ignore_already_exists = true
}}
"#,
                terraform(name)
            ),
            format!("google_service_account.impersonated{suffix}.name"),
        ),
        None => (String::new(), terraform(&format!("projects/-/serviceAccounts/{email}"))),
    };
    let impersonate = format!(
        r#"{account}
resource "google_service_account_iam_member" "impersonated{suffix}" {{
  service_account_id = {id}
  role               = "roles/iam.workloadIdentityUser"
  member             = {member}
  depends_on         = [google_iam_workload_identity_pool_provider.this]
}}
"#
    );
    if plan.sign { impersonate + &signing_role(&id, &project, email, suffix) } else { impersonate }
}

/// Renders the grant with which a service account signs as itself.
fn signing_role(id: &str, project: &str, email: &str, suffix: &str) -> String {
    let member = terraform(&account_member(email));
    format!(
        r#"
# The service account signs URLs and tokens as itself, with the API of its own project.
resource "google_project_service" "signs{suffix}" {{
  project            = {project}
  service            = "{SIGNING_API}"
  disable_on_destroy = false
}}

resource "google_service_account_iam_member" "signs{suffix}" {{
  service_account_id = {id}
  role               = "{TOKEN_CREATOR}"
  member             = {member}
}}
"#
    )
}

/// Renders the grants on the data.
fn data_roles(plan: &SetupPlan) -> String {
    let grants = plan.accounts().into_iter().enumerate().map(|(index, account)| {
        let comment = "\n# Roles on the data, for example to read a bucket and BigQuery tables.";
        let comment = if index == 0 { comment } else { "" };
        format!("{comment}{}", data_roles_of(plan, account, &suffix(index)))
    });
    grants.collect()
}

/// Renders the grants of an account.
fn data_roles_of(plan: &SetupPlan, account: Option<&str>, suffix: &str) -> String {
    let (project, bucket, member) =
        (project(plan.data_project()), terraform(&plan.bucket), terraform(&plan.data_member(account)));
    let prior = match account {
        Some(_) => format!("google_service_account_iam_member.impersonated{suffix}"),
        None => "google_iam_workload_identity_pool_provider.this".to_owned(),
    };
    format!(
        r#"
resource "google_storage_bucket_iam_member" "data{suffix}" {{
  bucket     = {bucket}
  role       = "{BUCKET_ROLE}"
  member     = {member}
  depends_on = [{prior}]
}}

resource "google_project_iam_member" "data{suffix}" {{
  for_each   = toset({PROJECT_ROLES:?})
  project    = {project}
  role       = each.value
  member     = {member}
  depends_on = [{prior}]
}}
"#
    )
}

/// Returns a project, or the pool's. A number is accepted as well as an ID.
fn project(project: Option<ProjectRef<'_>>) -> String {
    match project {
        Some(ProjectRef::Id(id)) => terraform(&id),
        Some(ProjectRef::Number(number)) => terraform(number),
        None => "var.google_project".to_owned(),
    }
}
