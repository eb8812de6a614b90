//! Compares the warnings about a Deployment or a CronJob with the messages of its pods.

use rolebridge_inject::workload::{Workload, preview};
use rolebridge_inject::{Admission, Decision};
use serde_json::{Value, json};

use crate::case::{Case, files};

fn deployment(template: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}, "spec": {"template": template}})
}

fn cron_job(template: &Value) -> Value {
    let job = json!({"spec": {"template": template}});
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "shop"}, "spec": {"jobTemplate": job}})
}

/// Returns the pod as the template of a workload.
fn template(case: &Case) -> Value {
    let mut template = case.pod.clone();
    let fields = template.as_object_mut().unwrap();
    fields.retain(|field, _| ["metadata", "spec"].contains(&field.as_str()));
    template
}

#[test]
fn preview_equals_the_messages_of_the_pods() {
    for path in files() {
        let case = Case::read(&path);
        let Admission { decision, warnings, .. } = case.admit(&case.pod);
        for (kind, workload) in
            [("Deployment", deployment(&template(&case))), ("CronJob", cron_job(&template(&case)))]
        {
            let mut expected = warnings.clone();
            if let Decision::Deny(denial) = &decision {
                expected.push(format!("The pods of this {kind} will be denied: {}", denial.message));
            }
            let bytes = serde_json::to_vec(&workload).unwrap();
            let workload: Workload<'_> = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(preview(&workload, &case.context()).warnings, expected, "{}", path.display());
        }
    }
}
