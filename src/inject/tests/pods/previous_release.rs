//! Pods that the previous release injected: its patches are in `tests/fixtures/previous-release`, one for each case.

use std::fs;
use std::path::PathBuf;

use json_patch::Patch;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_inject::Decision;
use rolebridge_sidecar::config_files::document;
use serde_json::Value;

use crate::agreement;
use crate::case::{Case, here, named, patched};

const FOLDER: &str = "../../tests/fixtures/previous-release";

/// A case for each combination of identity and source, and for each setting of the sidecar.
pub(crate) const CASES: &[&str] = &[
    "aws-jwt",
    "aws-jwt-metadata",
    "ca-bundle",
    "containers-include",
    "delegates",
    "eks-webhook-before",
    "endpoints",
    "impersonation",
    "istio-native",
    "kubernetes",
    "kubernetes-metadata",
    "kubernetes-one-by-metadata",
    "kubernetes-outputs",
    "metadata",
    "metadata-others-by-file",
    "minimal",
    "no-annotations-map",
    "outputs",
    "partition-us-gov",
    "pod-identity",
    "pod-identity-file",
    "ports",
    "proxy-literal",
    "proxy-lower-case",
    "region-from-app",
    "run-as-root",
    "settings-from-everywhere",
    "source-file",
    "sources-per-container",
    "universe-domain",
];

fn file(name: &str) -> PathBuf {
    here(FOLDER).join(format!("{name}.json"))
}

/// Returns the pod of a case as the previous release injected it.
fn previous(name: &str, case: &Case) -> Value {
    let patch: Patch = serde_json::from_slice(&fs::read(file(name)).unwrap()).unwrap();
    let mut pod = case.pod.clone();
    json_patch::patch(&mut pod, &patch).unwrap();
    pod
}

fn annotation(pod: &Value, kind: ConfigKind) -> Option<&str> {
    pod["metadata"]["annotations"][kind.annotation()].as_str()
}

#[test]
fn configuration_of_the_sidecar_is_that_of_the_previous_release() {
    let mut compared = 0;
    for name in CASES {
        let case = named(name);
        let (before, after) = (previous(name, &case), patched(&case.pod, &case.admit(&case.pod)).unwrap());
        let sidecar = agreement::read(&after).map(Result::unwrap);
        for kind in ConfigKind::ALL {
            let written = sidecar.as_ref().and_then(|settings| {
                settings
                    .config_files
                    .iter()
                    .any(|config| config.kind == kind)
                    .then(|| document(settings, kind))
            });
            let mounted = annotation(&after, kind).map(str::to_owned);
            assert!(sidecar.is_none() || mounted.is_none(), "{name}: an annotation has no effect");
            let config = written.or(mounted);
            compared += usize::from(config.is_some());
            assert_eq!(config.as_deref(), annotation(&before, kind), "{name}");
        }
    }
    assert!(compared > 20, "{compared}");
}

/// Replaces the patches by those of this version. Run it before a release that changes what is injected.
#[test]
#[ignore = "records the patches of a release"]
fn record() {
    for name in CASES {
        let case = named(name);
        let Decision::Patch(patch) = case.admit(&case.pod).decision else { panic!("{name} is not injected") };
        let operations: Value = serde_json::from_str(patch.as_json()).unwrap();
        fs::write(file(name), serde_json::to_string_pretty(&operations).unwrap() + "\n").unwrap();
    }
}
