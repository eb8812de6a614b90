//! Renders the Kubernetes objects: the annotated service account, and a pod that tests it.

use rolebridge_core::annotations::{self as key, eks};
use rolebridge_core::identity::Identity;

use crate::commands::setup::plan::SetupPlan;
use crate::error::CliError;
use crate::input::ordered_value::OrderedValue;
use crate::output::to_yaml;

/// Renders the objects as YAML.
pub(super) fn write(plan: &SetupPlan) -> Result<String, CliError> {
    let account = to_yaml(&account(plan))?;
    let pod = to_yaml(&pod(plan))?;
    Ok(format!("{account}---\n# Your pod templates need the same annotation.\n{pod}"))
}

fn account(plan: &SetupPlan) -> OrderedValue {
    let mut annotations = Vec::new();
    if let Some(role) = &plan.role {
        annotations.push((eks::ROLE_ARN, role.as_str().to_owned()));
    }
    annotations.push((key::PROVIDER, plan.provider_name.clone()));
    if plan.identity != Identity::AwsRole {
        annotations.push((key::IDENTITY, plan.identity.as_str().to_owned()));
    }
    if let Some(list) = &plan.google_service_accounts {
        annotations.push((key::SERVICE_ACCOUNT, list.clone()));
    }
    annotations.extend(plan.annotations.iter().cloned());
    let annotations = map(annotations.into_iter().map(|(key, value)| (key, text(&value))));
    map([
        ("apiVersion", text("v1")),
        ("kind", text("ServiceAccount")),
        (
            "metadata",
            map([
                ("name", text(&plan.service_account)),
                ("namespace", text(&plan.namespace)),
                ("annotations", annotations),
            ]),
        ),
    ])
}

fn pod(plan: &SetupPlan) -> OrderedValue {
    let bucket = format!("gs://{}", plan.bucket);
    let container = map([
        ("name", text("gcloud")),
        ("image", text("gcr.io/google.com/cloudsdktool/google-cloud-cli:slim")),
        ("command", OrderedValue::List(["gcloud", "storage", "ls", &bucket].map(text).to_vec())),
    ]);
    map([
        ("apiVersion", text("v1")),
        ("kind", text("Pod")),
        (
            "metadata",
            map([
                ("name", text("rolebridge-try")),
                ("namespace", text(&plan.namespace)),
                ("annotations", map([(key::INJECT, text("true"))])),
            ]),
        ),
        (
            "spec",
            map([
                ("serviceAccountName", text(&plan.service_account)),
                ("restartPolicy", text("Never")),
                ("containers", OrderedValue::List(vec![container])),
            ]),
        ),
    ])
}

fn map<'a>(fields: impl IntoIterator<Item = (&'a str, OrderedValue)>) -> OrderedValue {
    OrderedValue::Map(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn text(value: &str) -> OrderedValue {
    OrderedValue::Scalar(value.into())
}
