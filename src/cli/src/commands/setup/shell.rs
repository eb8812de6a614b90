//! Renders commands for both clouds.
//!
//! Sources: the references of `aws iam` and of `gcloud iam workload-identity-pools`.

use rolebridge_core::aws::{GET_WEB_IDENTITY_TOKEN_SESSION_POLICY, RoleArn, TOKEN_AUDIENCE};
use rolebridge_core::identity::Identity;

use crate::commands::setup::kubernetes;
use crate::commands::setup::plan::{APIS, SetupPlan};
use crate::error::CliError;
use crate::iam::trust_statement;
use crate::output::quote::shell;

/// Renders a shell script, to be read before it is run.
pub(super) fn write(plan: &SetupPlan) -> Result<String, CliError> {
    let issuer = match &plan.issuer {
        Some(issuer) => shell(issuer),
        None => format!(
            "$(aws eks describe-cluster --name {} --query cluster.identity.oidc.issuer --output text)",
            shell(&plan.cluster)
        ),
    };
    let cluster =
        format!("# Skip commands for resources that already exist.\n\n# The cluster\nISSUER={issuer}\n");
    let aws = plan.role.as_ref().map(|role| aws(plan, role)).unwrap_or_default();
    let kubernetes = format!("\n# Kubernetes\nkubectl apply -f - <<'EOF'\n{}EOF\n", kubernetes::write(plan)?);
    Ok([cluster, aws, google(plan), kubernetes].concat())
}

fn aws(plan: &SetupPlan, role: &RoleArn) -> String {
    let (path, name) = (shell(role.path()), shell(role.name()));
    let statement = trust_statement(role, "${ISSUER#https://}", TOKEN_AUDIENCE, &plan.kubernetes_subject());
    let role = format!(
        r#"
# AWS: the cluster's issuer, once per account
aws iam create-open-id-connect-provider --url "$ISSUER" --client-id-list {TOKEN_AUDIENCE}

# AWS: the role, with a trust policy for the service account
cat >trust.json <<EOF
{{
  "Version": "2012-10-17",
  "Statement": [{statement}]
}}
EOF
aws iam create-role --role-name {name} --path {path} --assume-role-policy-document file://trust.json
"#
    );
    if plan.identity != Identity::AwsJwt {
        return role;
    }
    let tokens = format!(
        "\n# AWS: JSON web tokens for other clouds, once per account\n\
         aws iam enable-outbound-web-identity-federation\n\
         ACCOUNT_ISSUER=$(aws iam get-outbound-web-identity-federation-info --query IssuerIdentifier --output text)\n\
         aws iam put-role-policy --role-name {name} --policy-name rolebridge \\\n  \
         --policy-document {}\n",
        shell(GET_WEB_IDENTITY_TOKEN_SESSION_POLICY)
    );
    role + &tokens
}

fn google(plan: &SetupPlan) -> String {
    let [pool, provider, project_number] =
        [&plan.pool, &plan.provider, &plan.project_number].map(|part| shell(part));
    let pool_flags = format!("--project \"$PROJECT\" --location global --workload-identity-pool {pool}");
    let create = match (&plan.role, plan.identity) {
        (Some(role), Identity::AwsRole) => {
            format!("create-aws {provider} {pool_flags} \\\n  --account-id {}", role.account())
        }
        (role, _) => {
            let issuer = if role.is_some() { "$ACCOUNT_ISSUER" } else { "$ISSUER" };
            format!(
                "create-oidc {provider} {pool_flags} \\\n  --issuer-uri \"{issuer}\" --attribute-mapping \
                 google.subject=assertion.sub"
            )
        }
    };
    let member = shell(&plan.member());
    let grant = match &plan.google_service_account {
        Some(email) => format!(
            "# Google: allow the pod to impersonate the service account\n\
             gcloud iam service-accounts add-iam-policy-binding {} \\\n  \
             --role roles/iam.workloadIdentityUser --member {member}",
            shell(email)
        ),
        None => format!(
            "# Google: a role for the pod, here to read BigQuery tables\n\
             gcloud projects add-iam-policy-binding \"$PROJECT\" --condition None \\\n  \
             --role roles/bigquery.dataViewer --member {member}"
        ),
    };
    format!(
        "\n# Google: the pool and its provider\n\
         PROJECT=$(gcloud projects describe {project_number} --format 'value(projectId)')\n\
         gcloud services enable {} --project \"$PROJECT\"\n\
         gcloud iam workload-identity-pools create {pool} --project \"$PROJECT\" --location global\n\
         gcloud iam workload-identity-pools providers {create}\n\n{grant}\n",
        APIS.join(" ")
    )
}
