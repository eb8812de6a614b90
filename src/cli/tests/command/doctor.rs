//! `doctor`: what it makes of what a sidecar said, and of pods whose sidecar cannot be asked.

use std::path::PathBuf;

use insta::assert_snapshot;

use crate::program::{here, transcript};

/// What the real sidecar said of set-ups with one thing that is not right, compared by the tests that span programs.
fn reports() -> Vec<PathBuf> {
    let folder = here("../../tests/tests/programs/doctor/reports");
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
        assert_snapshot!(format!("doctor-{name}"), said);
    }
}
