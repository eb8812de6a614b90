//! Renders commands for both clouds.
//!
//! Sources: the references of `aws iam` and of `gcloud iam workload-identity-pools`.

use rolebridge_core::aws::{GET_WEB_IDENTITY_TOKEN_SESSION_POLICY, RoleArn, TOKEN_AUDIENCE};
use rolebridge_core::identity::Identity;

use crate::commands::setup::kubernetes;
use crate::commands::setup::plan::{APIS, BUCKET_ROLE, PROJECT_ROLES, SetupPlan};
use crate::error::CliError;
use crate::gcloud::{ProjectRef, SIGNING_API, TOKEN_CREATOR, account_member, set_project};
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
    let [pool, provider, condition] = [&plan.pool, &plan.provider, &plan.condition()].map(|part| shell(part));
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
    let pool = format!(
        "\n# Google: the pool and its provider. If the provider exists, add this pod to its condition.\n\
         {}\n\
         gcloud services enable {} --project \"$PROJECT\"\n\
         gcloud iam workload-identity-pools create {pool} --project \"$PROJECT\" --location global\n\
         gcloud iam workload-identity-pools providers {create} \\\n  --attribute-condition {condition}\n",
        set_project(&plan.project_number),
        APIS.join(" ")
    );
    let accounts = plan.accounts().into_iter().flatten().map(|email| service_account(plan, email));
    [pool, accounts.collect(), data_roles(plan)].concat()
}

/// Renders the commands for a service account that the pod impersonates.
fn service_account(plan: &SetupPlan, email: &str) -> String {
    let project = project(ProjectRef::of_account(email));
    // Google creates the others, such as that of App Engine.
    let name = email.split_once('@').filter(|(_, domain)| domain.ends_with(".iam.gserviceaccount.com"));
    let create = name.map_or_else(String::new, |(name, _)| {
        format!("gcloud iam service-accounts create {} --project {project}\n", shell(name))
    });
    let bind = format!(
        "gcloud iam service-accounts add-iam-policy-binding {} --project {project} \\\n  --role",
        shell(email)
    );
    let impersonate = format!(
        "\n# Google: the service account, and the right of the pod to impersonate it\n\
         {create}{bind} roles/iam.workloadIdentityUser --member {}\n",
        shell(&plan.member())
    );
    if !plan.sign {
        return impersonate;
    }
    let member = shell(&account_member(email));
    let sign = format!(
        "\n# Google: the right of the service account to sign as itself, with the API of its own project\n\
         gcloud services enable {SIGNING_API} --project {project}\n{bind} {TOKEN_CREATOR} --member {member}\n"
    );
    impersonate + &sign
}

/// Renders the grants on the data.
fn data_roles(plan: &SetupPlan) -> String {
    let comment =
        "\n# Google: roles on the data, for example to read a bucket and BigQuery tables\n".to_owned();
    let grants = plan.accounts().into_iter().map(|account| data_roles_of(plan, account));
    comment + &grants.collect::<String>()
}

/// Renders the grants of an account.
fn data_roles_of(plan: &SetupPlan, account: Option<&str>) -> String {
    let (project, member) = (project(plan.data_project()), shell(&plan.data_member(account)));
    let bucket = format!(
        "gcloud storage buckets add-iam-policy-binding gs://{} \\\n  --role {BUCKET_ROLE} --member {member}\n",
        plan.bucket
    );
    let grant = |role: &str| {
        format!(
            "gcloud projects add-iam-policy-binding {project} --condition None \\\n  \
             --role {role} --member {member}\n"
        )
    };
    bucket + &PROJECT_ROLES.map(grant).concat()
}

/// Returns a project, or the pool's, as a word of the script.
fn project(project: Option<ProjectRef<'_>>) -> String {
    project.map_or_else(|| "\"$PROJECT\"".to_owned(), |project| project.shell())
}
