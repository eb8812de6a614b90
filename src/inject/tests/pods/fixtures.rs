//! Each case of `tests/fixtures/pods` and the patch that it gets. To add a case is to add a file.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::Path;

use insta::Settings;
use rolebridge_inject::{Decision, Reason};
use serde_json::Value;

use crate::case::{Case, FOLDER, files, here, patched};
use crate::steps::{STEPS, Sequence};
use crate::{audit, render};

/// Where the reviewed texts lie, from this file.
pub(crate) const SNAPSHOTS: &str = "../../../../tests/fixtures/pods/snapshots";

pub(crate) fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// Runs a check on every case, and names all that fail.
fn on_each(check: impl Fn(&Case, &str) + std::panic::RefUnwindSafe) {
    let failed: Vec<_> = files()
        .iter()
        .filter(|path| catch_unwind(|| check(&Case::read(path), &name(path))).is_err())
        .map(|path| name(path))
        .collect();
    assert!(failed.is_empty(), "{} cases failed: {failed:?}", failed.len());
}

pub(crate) fn compare(name: &str, about: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(about);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn each_gets_the_patch_that_was_reviewed() {
    on_each(|case, name| compare(name, &case.about, &render::admission(&case.admit(&case.pod))));
}

#[test]
fn a_patch_changes_nothing_of_the_users() {
    on_each(|case, name| {
        let Some(after) = patched(&case.pod, &case.admit(&case.pod)) else { return };
        let trespasses = audit::trespasses(&case.pod, &after);
        assert!(trespasses.is_empty(), "{name}: {trespasses:#?}");
    });
}

#[test]
fn an_injected_pod_is_as_it_should_be() {
    on_each(|case, name| {
        let Some(after) = patched(&case.pod, &case.admit(&case.pod)) else { return };
        let faults = audit::faults(&case.pod, &after);
        assert!(faults.is_empty(), "{name}: {faults:#?}");
    });
}

#[test]
fn a_second_call_adds_nothing() {
    on_each(|case, name| {
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
fn only_an_injected_pod_is_patched_and_all_reasons_have_a_case() {
    let reasons: BTreeSet<_> = files()
        .iter()
        .filter_map(|path| {
            let case = Case::read(path);
            match case.admit(&case.pod).decision {
                Decision::Patch(_) => None,
                Decision::Skip(reason) => Some(reason),
                Decision::Deny(refusal) => Some(refusal.reason),
            }
        })
        .chain([Reason::AlreadyInjected]) // the second calls above
        .collect();
    let missing: Vec<_> = Reason::ALL.iter().filter(|reason| !reasons.contains(reason)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn what_the_unknown_fields_say_survives_byte_for_byte() {
    let case = crate::case::named("unknown-fields");
    let after = patched(&case.pod, &case.admit(&case.pod)).unwrap();
    let before = future(&case.pod);
    assert!(before.len() >= 12, "the case has lost its fields: {before:?}");
    assert_eq!(before, future(&after));
}

/// Every field that begins with `future`, as text, in order.
fn future(value: &Value) -> Vec<String> {
    match value {
        Value::Array(elements) => elements.iter().flat_map(future).collect(),
        Value::Object(fields) => {
            fields
                .iter()
                .flat_map(|(key, value)| {
                    if key.starts_with("future") { vec![format!("{key}: {value}")] } else { future(value) }
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn each_snapshot_has_its_case() {
    let steps = STEPS.iter().map(Sequence::snapshot);
    let wanted: BTreeSet<_> = files().iter().map(|path| name(path)).chain(steps).collect();
    let found: BTreeSet<_> = std::fs::read_dir(here(FOLDER).join("snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "snap"))
        .map(|path| name(&path))
        .collect();
    assert_eq!(wanted, found);
}
