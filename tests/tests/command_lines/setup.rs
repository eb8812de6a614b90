//! `rolebridge setup` prints a script. A person runs it, and the pod that it names reads rows.

use rolebridge_fake_clouds::Detail;
use serde_json::{Value, json};

use crate::operator::{ACCOUNT, BUCKET, DELEGATE, EMAIL, Operator, POOL_PROJECT, PROJECT, has_gcloud, print};
use crate::pod::{self, Cluster};

/// The identity with a printed set-up that lets the service account sign.
pub(crate) const SIGNING_IDENTITY: &str = "kubernetes";

/// Returns the command that prints the script of an identity.
pub(crate) fn command(identity: &str, impersonated: bool) -> String {
    let role = if identity == "kubernetes" {
        String::new()
    } else {
        format!(" --role-arn arn:aws:iam::{ACCOUNT}:role/nightly-batch")
    };
    // The data is not in the project of the pool, but in that of the service account.
    let access = if impersonated {
        let sign = if identity == SIGNING_IDENTITY { " --sign" } else { "" };
        format!("--google-service-account {EMAIL}{sign}")
    } else {
        format!("--data-project {PROJECT}")
    };
    format!(
        "rolebridge setup --identity {identity} --cluster prod --namespace {} --service-account {}{role} \
         --project-number {} --pool aws-pool --provider prod --bucket {BUCKET} {access}",
        pod::NAMESPACE,
        pod::SERVICE_ACCOUNT,
        POOL_PROJECT.1
    )
}

/// Runs the printed script and then the pod. Without gcloud, the pod gets as far as AWS.
pub(crate) async fn commands_lead_to_rows(identity: &str, impersonated: bool) -> Operator {
    let name = format!("{identity}-{}", if impersonated { "impersonated" } else { "direct" });
    let script = print(&command(identity, impersonated)).await;
    let mut existing = vec![DELEGATE];
    if impersonated && !script.contains("service-accounts create") {
        existing.push(EMAIL);
    }
    let operator = Operator::start(&name, &existing).await;
    operator.run(&script).await;
    if !has_gcloud() {
        return operator;
    }
    let deployment = pod::deployment(&operator.applied_annotations("Pod"));
    let cluster = Cluster::start(&operator, &operator.applied_annotations("ServiceAccount")).await;
    cluster.reads_rows(&operator, &deployment).await;
    let reader = principal_of_rows(&operator);
    let expected = if impersonated { json!(format!("serviceAccount:{EMAIL}")) } else { Value::Null };
    assert!(expected.is_null() == reader.starts_with("principal:"), "{reader}");
    operator
}

/// Returns who read the rows.
pub(crate) fn principal_of_rows(operator: &Operator) -> String {
    let read = operator.clouds.events().into_iter().find_map(|event| match event.detail {
        Detail::TableRead { principal, .. } => Some(principal),
        _ => None,
    });
    read.unwrap()
}
