//! Renders a Terraform module for both clouds.
//!
//! Sources: the documentation of the providers hashicorp/aws (6.24 or later for `aws-jwt`) and hashicorp/google.

use rolebridge_core::aws::{GET_WEB_IDENTITY_TOKEN_SESSION_POLICY, RoleArn, TOKEN_AUDIENCE};
use rolebridge_core::identity::Identity;

use crate::commands::setup::plan::{APIS, SetupPlan};
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
# A setting of the whole account: destroying it disables the tokens of every workload in it.
resource "aws_iam_outbound_web_identity_federation" "this" {{}}

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
    let (pool, provider) = (terraform(&plan.pool), terraform(&plan.provider));
    let provider_config = match (&plan.role, plan.identity) {
        (Some(role), Identity::AwsRole) => {
            format!("  aws {{\n    account_id = {}\n  }}", terraform(role.account()))
        }
        (role, _) => {
            let issuer = if role.is_some() {
                "aws_iam_outbound_web_identity_federation.this.issuer_identifier"
            } else {
                "local.issuer"
            };
            format!(
                "  attribute_mapping = {{\n    \"google.subject\" = \"assertion.sub\"\n  }}\n  oidc {{\n    \
                 issuer_uri = {issuer}\n  }}"
            )
        }
    };
    let member = terraform(&plan.member());
    let grant = match &plan.google_service_account {
        Some(email) => format!(
            r#"resource "google_service_account_iam_member" "impersonated" {{
  service_account_id = {}
  role               = "roles/iam.workloadIdentityUser"
  member             = {member}
  depends_on         = [google_iam_workload_identity_pool_provider.this]
}}
"#,
            terraform(&format!("projects/-/serviceAccounts/{email}"))
        ),
        None => format!(
            r#"# A role for the pod, here to read BigQuery tables.
resource "google_project_iam_member" "granted" {{
  project    = var.google_project
  role       = "roles/bigquery.dataViewer"
  member     = {member}
  depends_on = [google_iam_workload_identity_pool_provider.this]
}}
"#
        ),
    };
    let description = terraform(&format!("ID of the Google project with the number {}", plan.project_number));
    format!(
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
{provider_config}
}}

{grant}"#
    )
}
