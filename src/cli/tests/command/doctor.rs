//! `doctor`: what it makes of what a sidecar said, and of pods whose sidecar cannot be asked.

use std::path::PathBuf;

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::fake_api::Api;
use crate::program::{Asked, here, transcript};

/// What the real sidecar said of set-ups with one thing that is not right, compared by the tests that span programs.
fn reports() -> Vec<PathBuf> {
    let folder = here("../../tests/tests/integration/doctor/reports");
    let mut reports: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    reports.sort();
    reports
}

#[test]
fn each_report_gets_its_mend() {
    let reports = reports();
    assert!(reports.len() > 25);
    for report in reports {
        let said = transcript(&["doctor", "--report", report.to_str().unwrap()]);
        let (_, said) = said.split_once('\n').unwrap();
        let name = report.file_stem().unwrap().to_str().unwrap();
        assert_eq!(said.ends_with("[0]\n"), !said.contains('✗'), "{name}: {said}");
        assert_eq!(said.contains("To mend it:"), said.contains('✗'), "{name}: {said}");
        assert_snapshot!(format!("doctor-{name}"), said);
    }
}

#[test]
fn a_report_that_is_none_is_told_what_would_be() {
    assert_snapshot!(transcript(&["doctor", "--report", "deployment.yaml"]));
}

#[test]
fn for_programs_it_is_whole() {
    let report = here("../../tests/tests/integration/doctor/reports/no-association.jsonl");
    let output = Asked::new(&["doctor", "--report", report.to_str().unwrap(), "-o", "json"]).run(b"");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed = told["steps"].as_array().unwrap().iter().find(|step| step["status"] == "failed").unwrap();
    assert_eq!((failed["step"].as_str(), failed["reason"].as_str()), (Some("role"), Some("no-association")));
    assert!(
        told["remediation"]["snippet"]
            .as_str()
            .unwrap()
            .starts_with("aws eks create-pod-identity-association")
    );
}

fn cluster() -> Vec<Value> {
    let text = std::fs::read_to_string(here("tests/cases/doctor.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn asked(config: &NamedTempFile, arguments: &[&str]) -> String {
    Asked::new(arguments).env("KUBECONFIG", config.path().to_str().unwrap()).transcript()
}

#[test]
fn a_pod_whose_sidecar_cannot_be_asked_is_seen_from_outside() {
    let config = Api { objects: cluster(), ..Api::default() }.serve();
    for pod in cluster().iter().filter(|object| object["kind"] == "Pod") {
        let of = |key: &str| pod["metadata"][key].as_str().unwrap();
        let said = asked(&config, &["doctor", of("name"), "-n", of("namespace")]);
        assert_snapshot!(format!("doctor-pod-{}", of("name")), said);
    }
}

#[test]
fn who_may_not_read_what_decides_is_told_what_can_be_seen() {
    let forbidden = vec!["/api/v1/configmaps".to_owned()];
    let config = Api { objects: cluster(), forbidden, ..Api::default() }.serve();
    let forbidden = asked(&config, &["doctor", "pod/nobody-asked"]);
    let absent = asked(&config, &["doctor", "other"]);
    let no_pod = asked(&config, &["doctor", "deployment/batch"]);
    assert_snapshot!([forbidden, absent, no_pod].join("\n"));
}
