//! Both clouds by their command lines.
//!
//! Sources: the references of `aws iam` and of `gcloud iam workload-identity-pools`.

use rolebridge_core::aws::{GET_WEB_IDENTITY_TOKEN_SESSION_POLICY, TOKEN_AUDIENCE};
use rolebridge_core::identity::Identity;

use super::{APIS, Plan, Role, kubernetes, trust_policy};
use crate::error::CliError;

/// A script for a shell, to be read before it is run.
pub(super) fn write(plan: &Plan) -> Result<String, CliError> {
    let issuer = match &plan.issuer {
        Some(issuer) => format!("'{issuer}'"),
        None => format!(
            "$(aws eks describe-cluster --name '{}' --query cluster.identity.oidc.issuer --output text)",
            plan.cluster
        ),
    };
    let cluster =
        format!("# What exists already need not be made again.\n\n# The cluster\nISSUER={issuer}\n");
    let aws = plan.role.as_ref().map(|role| aws(plan, role)).unwrap_or_default();
    let kubernetes = format!("\n# Kubernetes\nkubectl apply -f - <<'EOF'\n{}EOF\n", kubernetes::write(plan)?);
    Ok([cluster, aws, google(plan), kubernetes].concat())
}

fn aws(plan: &Plan, role: &Role) -> String {
    let Role { path, name, .. } = role;
    let statement =
        trust_policy::statement(role, "${ISSUER#https://}", TOKEN_AUDIENCE, &plan.subject_of_the_pod());
    let role = format!(
        r#"
# AWS: the cluster's issuer, once an account
aws iam create-open-id-connect-provider --url "$ISSUER" --client-id-list {TOKEN_AUDIENCE}

# AWS: the role, which trusts the service account
cat >trust.json <<EOF
{{
  "Version": "2012-10-17",
  "Statement": [{statement}]
}}
EOF
aws iam create-role --role-name '{name}' --path '{path}' --assume-role-policy-document file://trust.json
"#
    );
    if plan.identity != Identity::AwsJwt {
        return role;
    }
    let tokens = format!(
        "\n# AWS: JSON web tokens for other clouds, once an account\n\
         aws iam enable-outbound-web-identity-federation\n\
         ACCOUNT_ISSUER=$(aws iam get-outbound-web-identity-federation-info --query IssuerIdentifier --output text)\n\
         aws iam put-role-policy --role-name '{name}' --policy-name rolebridge \\\n  \
         --policy-document '{GET_WEB_IDENTITY_TOKEN_SESSION_POLICY}'\n"
    );
    role + &tokens
}

fn google(plan: &Plan) -> String {
    let Plan { pool, provider, project_number, .. } = plan;
    let of_the_pool = format!("--project \"$PROJECT\" --location global --workload-identity-pool '{pool}'");
    let made = match (&plan.role, plan.identity) {
        (Some(role), Identity::AwsRole) => {
            format!("create-aws '{provider}' {of_the_pool} \\\n  --account-id {}", role.account)
        }
        (role, _) => {
            let issuer = if role.is_some() { "$ACCOUNT_ISSUER" } else { "$ISSUER" };
            format!(
                "create-oidc '{provider}' {of_the_pool} \\\n  --issuer-uri \"{issuer}\" --attribute-mapping \
                 google.subject=assertion.sub"
            )
        }
    };
    let member = plan.member();
    let granted = match &plan.google_service_account {
        Some(email) => format!(
            "# Google: the service account lets itself be impersonated\n\
             gcloud iam service-accounts add-iam-policy-binding '{email}' \\\n  \
             --role roles/iam.workloadIdentityUser --member '{member}'"
        ),
        None => format!(
            "# Google: what the pod may do, such as to read tables\n\
             gcloud projects add-iam-policy-binding \"$PROJECT\" --condition None \\\n  \
             --role roles/bigquery.dataViewer --member '{member}'"
        ),
    };
    format!(
        "\n# Google: the pool and its provider\n\
         PROJECT=$(gcloud projects describe {project_number} --format 'value(projectId)')\n\
         gcloud services enable {} --project \"$PROJECT\"\n\
         gcloud iam workload-identity-pools create '{pool}' --project \"$PROJECT\" --location global\n\
         gcloud iam workload-identity-pools providers {made}\n\n{granted}\n",
        APIS.join(" ")
    )
}
