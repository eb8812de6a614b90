//! `doctor` with each report of the sidecar, and for pods without a running sidecar.

use std::path::PathBuf;

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::fake_api::{Api, CONFIGURATIONS};
use crate::program::{Invocation, assert_harmless, crate_path, transcript};

/// Returns the reports of the real sidecar for setups with one problem. The integration tests compare them.
fn reports() -> Vec<PathBuf> {
    let folder = crate_path("../../tests/tests/integration/doctor/reports");
    let mut reports: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    reports.sort();
    reports
}

#[test]
fn failed_report_has_a_fix() {
    let reports = reports();
    assert!(reports.len() > 25);
    for report in reports {
        let transcript = transcript(&["doctor", "--report", report.to_str().unwrap()]);
        let (_, output) = transcript.split_once('\n').unwrap();
        let name = report.file_stem().unwrap().to_str().unwrap();
        assert_eq!(output.ends_with("[0]\n"), !output.contains('✗'), "{name}: {output}");
        assert_eq!(output.contains("\nFix: "), output.contains('✗'), "{name}: {output}");
        assert_snapshot!(format!("doctor-{name}"), output);
    }
}

/// Nothing that is printed about a principal reads as if Google had named it.
#[test]
fn computed_principal_is_printed_as_expected() {
    for report in reports() {
        for format in ["text", "json", "yaml"] {
            let output = transcript(&["doctor", "--report", report.to_str().unwrap(), "-o", format]);
            let (shown, commands) = output.split_once("gcloud iam service-accounts").unwrap_or((&output, ""));
            for line in shown.lines().filter(|line| line.contains("principal://iam")) {
                assert!(line.contains("expected principal:") || line.contains("expectedPrincipal"), "{line}");
            }
            let has_computed = commands.contains("principal://") || commands.contains("principalSet://");
            assert!(!has_computed || shown.contains("expected, not seen"), "{output}");
        }
    }
}

#[test]
fn forged_report_is_harmless() {
    let formats = ["text", "json", "yaml"];
    let transcripts =
        formats.map(|format| transcript(&["doctor", "--report", "forged-report.jsonl", "-o", format]));
    assert_snapshot!("doctor-forged-report", transcripts.join("\n"));
    let colored = Invocation::new(&["doctor", "--report", "forged-report.jsonl"]);
    let colored = colored.env("CLICOLOR_FORCE", "1").transcript();
    for text in [&colored, &transcripts.join("\n")] {
        assert_harmless(text);
    }
}

#[test]
fn endless_report_is_an_error() {
    let line = br#"{"step":"clock","status":"ok","message":"a"}"#;
    let output = Invocation::new(&["doctor", "--report", "-"]).run(&line.repeat(10_000));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("rolebridge: -: expected at most 256 KiB of results, found more."), "{error}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn report_without_steps_exits_2() {
    assert_snapshot!("doctor-invalid-report", transcript(&["doctor", "--report", "deployment.yaml"]));
}

#[test]
fn json_has_steps_and_remediation() {
    let report = crate_path("../../tests/tests/integration/doctor/reports/no-association.jsonl");
    let output = Invocation::new(&["doctor", "--report", report.to_str().unwrap(), "-o", "json"]).run(b"");
    let diagnosis: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed =
        diagnosis["steps"].as_array().unwrap().iter().find(|step| step["status"] == "failed").unwrap();
    assert_eq!((failed["step"].as_str(), failed["reason"].as_str()), (Some("role"), Some("no-association")));
    assert!(
        diagnosis["remediation"]["snippet"]
            .as_str()
            .unwrap()
            .starts_with("aws eks create-pod-identity-association")
    );
}

fn cluster() -> Vec<Value> {
    let text = std::fs::read_to_string(crate_path("tests/cases/doctor-pods.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn transcript_with(config: &NamedTempFile, arguments: &[&str]) -> String {
    Invocation::new(arguments).kubeconfig(config).transcript()
}

#[test]
fn pod_without_running_sidecar_is_checked_from_outside() {
    let config = Api { objects: cluster(), ..Api::default() }.serve();
    for pod in cluster().iter().filter(|object| object["kind"] == "Pod") {
        let metadata = |key: &str| pod["metadata"][key].as_str().unwrap();
        let arguments = ["doctor", metadata("name"), "-n", metadata("namespace")];
        let transcript = transcript_with(&config, &arguments);
        assert_snapshot!(format!("doctor-pod-{}", metadata("name")), transcript);
    }
}

#[test]
fn unreadable_or_missing_objects_are_reported() {
    let forbidden = vec![CONFIGURATIONS.to_owned()];
    let config = Api { objects: cluster(), forbidden, ..Api::default() }.serve();
    let forbidden = transcript_with(&config, &["doctor", "pod/not-opted-in"]);
    let absent = transcript_with(&config, &["doctor", "other"]);
    let not_a_pod = transcript_with(&config, &["doctor", "deployment/batch"]);
    assert_snapshot!("doctor-errors", [forbidden, absent, not_a_pod].join("\n"));
}
