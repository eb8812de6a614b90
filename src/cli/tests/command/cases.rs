//! Files of `cases/` with each command, errors, and the help.

use insta::assert_snapshot;
use rstest::rstest;
use serde_json::{Value, json};

use crate::program::{Invocation, crate_path, run, transcript};

#[rstest]
fn commands_with_case(
    #[values(
        "deployment",
        "list",
        "not-injected",
        "denied",
        "misplaced",
        "kinds",
        "environment",
        "limits",
        "metadata-host"
    )]
    name: &str,
) {
    let file = format!("{name}.yaml");
    let file = &["-f", &file, "--defaults", "defaults.yml"];
    let commands = [&["inject"][..], &["inject", "--diff"], &["explain"]];
    let transcripts = commands.map(|command| transcript(&[command, file].concat()));
    assert_snapshot!(format!("case-{name}"), transcripts.join("\n"));
}

#[test]
fn explain_prints_no_value_of_a_secret() {
    for format in ["text", "json", "yaml"] {
        let arguments = ["explain", "-f", "environment.yaml", "--defaults", "defaults.yml", "-o", format];
        let transcript = transcript(&arguments);
        assert!(transcript.contains("Secret partner"), "{transcript}");
        assert!(!transcript.contains("never-printed") && !transcript.contains("bmV2ZXI"), "{transcript}");
    }
}

#[test]
fn inject_writes_skipped_documents_byte_for_byte() {
    let text = std::fs::read(crate_path("tests/cases/not-injected.yaml")).unwrap();
    assert_eq!(run(&["inject", "-f", "not-injected.yaml"], b"").stdout, text);
    assert_eq!(run(&["inject", "-f", "-"], &text).stdout, text);
}

#[test]
fn invalid_input_exits_2() {
    let invocations = [
        &["inject", "-f", "absent.yaml"][..],
        &["inject", "-f", "no-manifests"],
        &["inject", "-f", "-"],
        &["inject", "-f", "broken.txt"],
        &["inject", "-f", "duplicate.txt"],
        &["inject", "-f", "directive.txt"],
        &["inject", "-f", "wrong-type.txt"],
        &["inject", "-f", "missing-spec.txt"],
        &["inject", "-f", "not-injected.yaml", "--defaults", "deployment.yaml"],
        &["inject"],
        &["explain"],
        &["explain", "service/a"],
        &["explain", "-f", "deployment.yaml", "deployment/other"],
        &["explain", "-f", "config.txt"],
    ];
    assert_snapshot!("errors", invocations.map(transcript).join("\n"));
}

#[test]
fn inject_separates_documents_of_several_files() {
    let arguments = ["inject", "-f", "config.txt", "-f", "json.json", "-f", "config.txt"];
    assert_snapshot!("several-files", transcript(&arguments));
}

#[test]
fn inject_accepts_concatenated_json_objects() {
    let object = std::fs::read(crate_path("tests/cases/json.json")).unwrap();
    let inject = |input: &[u8]| run(&["inject", "-f", "-"], input).stdout;
    let injected = inject(&object);
    assert_eq!(inject(&object.repeat(2)), injected.repeat(2));
}

#[test]
fn inject_writes_several_json_files_as_kubectl_reads_them() {
    let injected = run(&["inject", "-f", "json.json"], b"").stdout;
    assert_eq!(run(&["inject", "-f", "json.json", "-f", "json.json"], b"").stdout, injected.repeat(2));
}

#[test]
fn injected_document_is_explained_and_unchanged() {
    let file = ["-f", "deployment.yaml", "--defaults", "defaults.yml"];
    let injected = run(&[&["inject"][..], &file].concat(), b"").stdout;
    let stdin = ["-f", "-", "--defaults", "defaults.yml"];
    assert_eq!(run(&[&["inject"][..], &stdin].concat(), &injected).stdout, injected);
    let explanation = run(&[&["explain"][..], &stdin].concat(), &injected).stdout;
    assert_snapshot!("explain-injected", String::from_utf8(explanation).unwrap());
}

#[test]
fn inject_moves_the_sidecar_after_a_network_that_was_added_later() {
    let pod = ["inject", "-f", "limits.yaml", "--defaults", "defaults.yml"];
    let injected = String::from_utf8(run(&pod, b"").stdout).unwrap();
    let mut documents: Vec<Value> = serde_saphyr::from_multiple(&injected).unwrap();
    let init = documents[0]["spec"]["initContainers"].as_array_mut().unwrap();
    init.push(json!({"name": "kuma-sidecar", "image": "kuma", "restartPolicy": "Always"}));
    let moved =
        run(&["inject", "-f", "-", "--defaults", "defaults.yml"], documents[0].to_string().as_bytes());
    let moved: Value = serde_json::from_slice(&moved.stdout).unwrap();
    let names: Vec<_> =
        moved["spec"]["initContainers"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["kuma-sidecar", "rolebridge"]);
}

#[rstest]
fn explain_for_programs(#[values("json", "yaml")] format: &str) {
    let arguments =
        ["explain", "deployment/batch", "-f", "deployment.yaml", "--defaults", "defaults.yml", "-o", format];
    assert_snapshot!(format!("explain-{format}"), transcript(&arguments));
}

#[test]
fn help_of_each_command() {
    assert_snapshot!("help", transcript(&["--help"]));
    for command in ["inject", "explain", "doctor", "setup", "check", "completions", "man", "version"] {
        assert_snapshot!(format!("help-{command}"), transcript(&[command, "--help"]));
    }
}

#[test]
fn completions_and_man_pages_contain_options() {
    for shell in ["bash", "zsh", "fish"] {
        let script = String::from_utf8(run(&["completions", shell], b"").stdout).unwrap();
        assert!(script.contains("release-namespace"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(run(&["man", folder.path().to_str().unwrap()], b"").status.success());
    let page = std::fs::read_to_string(folder.path().join("rolebridge-explain.1")).unwrap();
    assert!(page.contains("release\\-namespace"), "{page}");
    assert!(transcript(&["man", "broken.txt/folder"]).ends_with("[2]\n"));
}

#[test]
fn inject_diff_colors_only_if_forced() {
    let arguments = ["inject", "--diff", "-f", "deployment.yaml", "--defaults", "defaults.yml"];
    assert!(!Invocation::new(&arguments).transcript().contains('\u{1b}'));
    let forced = Invocation::new(&arguments).env("CLICOLOR_FORCE", "1").transcript();
    assert!(forced.contains("\u{1b}[32m+"));
    let no_color = Invocation::new(&arguments).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").transcript();
    assert!(!no_color.contains('\u{1b}'));
}
