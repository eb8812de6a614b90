//! Each case of `tests/fixtures/pods` and its patch. To add a case, add a file.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::Path;

use insta::Settings;
use rolebridge_inject::{Decision, Reason};
use serde_json::Value;

use crate::case::{Case, FOLDER, files, here, patched};
use crate::steps::{SEQUENCES, Sequence};
use crate::{audit, render};

/// The folder of the snapshots, relative to this file.
pub(crate) const SNAPSHOTS: &str = "../../../../tests/fixtures/pods/snapshots";

pub(crate) fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// Runs a check on every case and lists all that fail.
fn check_each(check: impl Fn(&Case, &str) + std::panic::RefUnwindSafe) {
    let failed: Vec<_> = files()
        .iter()
        .filter(|path| catch_unwind(|| check(&Case::read(path), &name(path))).is_err())
        .map(|path| name(path))
        .collect();
    assert!(failed.is_empty(), "{} cases failed: {failed:?}", failed.len());
}

pub(crate) fn compare(name: &str, description: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(description);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn each_case_matches_its_snapshot() {
    check_each(|case, name| compare(name, &case.description, &render::admission(&case.admit(&case.pod))));
}

#[test]
fn patch_changes_no_value_of_the_user() {
    check_each(|case, name| {
        let Some(after) = patched(&case.pod, &case.admit(&case.pod)) else { return };
        let forbidden = audit::forbidden_changes(&case.pod, &after);
        assert!(forbidden.is_empty(), "{name}: {forbidden:#?}");
    });
}

#[test]
fn injected_pod_satisfies_all_requirements() {
    check_each(|case, name| {
        let Some(after) = patched(&case.pod, &case.admit(&case.pod)) else { return };
        let problems = audit::problems(&case.pod, &after);
        assert!(problems.is_empty(), "{name}: {problems:#?}");
    });
}

#[test]
fn second_admission_adds_nothing() {
    check_each(|case, name| {
        let Some(after) = patched(&case.pod, &case.admit(&case.pod)) else { return };
        let again = case.admit(&after);
        assert_eq!(
            again.decision,
            Decision::Skip(Reason::AlreadyInjected),
            "{name}: {}",
            render::admission(&again)
        );
    });
}

#[test]
fn every_reason_has_a_case() {
    let reasons: BTreeSet<_> = files()
        .iter()
        .filter_map(|path| {
            let case = Case::read(path);
            match case.admit(&case.pod).decision {
                Decision::Patch(_) => None,
                Decision::Skip(reason) => Some(reason),
                Decision::Deny(denial) => Some(denial.reason),
            }
        })
        .chain([Reason::AlreadyInjected]) // the second admissions above
        .collect();
    let missing: Vec<_> = Reason::ALL.iter().filter(|reason| !reasons.contains(reason)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn unknown_fields_are_unchanged() {
    let case = crate::case::named("unknown-fields");
    let after = patched(&case.pod, &case.admit(&case.pod)).unwrap();
    let before = future_fields(&case.pod);
    assert!(before.len() >= 12, "the case has no unknown fields: {before:?}");
    assert_eq!(before, future_fields(&after));
}

/// Returns every field with a name that begins with `future`, as text, in order.
fn future_fields(value: &Value) -> Vec<String> {
    match value {
        Value::Array(elements) => elements.iter().flat_map(future_fields).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| {
                if key.starts_with("future") { vec![format!("{key}: {value}")] } else { future_fields(value) }
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn each_snapshot_has_a_case() {
    let sequences = SEQUENCES.iter().map(Sequence::snapshot);
    let expected: BTreeSet<_> = files().iter().map(|path| name(path)).chain(sequences).collect();
    let actual: BTreeSet<_> = std::fs::read_dir(here(FOLDER).join("snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "snap"))
        .map(|path| name(&path))
        .collect();
    assert_eq!(expected, actual);
}
