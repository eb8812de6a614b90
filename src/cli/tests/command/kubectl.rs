//! The conventions of kubectl: its options, the names of plugins, completions, manual pages and the version.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};

use crate::fake_api::Api;
use crate::program::{Invocation, crate_path, run, transcript};

/// Runs the program by another name, as kubectl does.
fn run_as(name: &str, arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join(name);
    symlink(env!("CARGO_BIN_EXE_rolebridge"), &link).unwrap();
    let output = Command::new(link).args(arguments).current_dir(crate_path("tests/cases")).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[rstest]
#[case::program("rolebridge", "Usage: rolebridge ", "  rolebridge check -n shop ")]
#[case::plugin("kubectl-rolebridge", "Usage: kubectl rolebridge ", "  kubectl rolebridge check -n shop ")]
fn usage_has_the_name_that_was_called(#[case] name: &str, #[case] usage: &str, #[case] example: &str) {
    for arguments in [&["--help"][..], &["check", "--help"], &["check", "--unknown"], &["explain"]] {
        let text = run_as(name, arguments);
        assert!(text.contains(usage), "{arguments:?}: {text}");
    }
    let help = run_as(name, &["check", "--help"]);
    assert!(help.contains(example), "{help}");
}

fn pod() -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "shop"},
        "spec": {"containers": [{"name": "app", "image": "app"}]}})
}

#[test]
fn options_are_accepted_before_and_after_the_command() {
    let config = Api { objects: vec![pod()], ..Api::default() }.serve();
    let file = config.path().to_str().unwrap();
    let defaults = ["--defaults", "defaults.yml"];
    let output = |arguments: &[&str]| {
        let output = run(&[arguments, &defaults].concat(), b"");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let after = output(&["explain", "pod/a", "-n", "shop", "--kubeconfig", file, "--context", "here"]);
    assert_eq!(output(&["--kubeconfig", file, "-n", "shop", "--context", "here", "explain", "pod/a"]), after);
    assert_eq!(output(&["--kubeconfig", file, "explain", "-n", "shop", "pod/a"]), after);

    let other =
        run(&["-n", "other", "explain", "pod/a", "--kubeconfig", file, defaults[0], defaults[1]], b"");
    let message = String::from_utf8(other.stderr).unwrap();
    assert!(message.contains("Pod/a in the namespace other"), "{message}");
}

#[test]
fn namespace_before_the_command_applies_to_files_and_setup() {
    let text =
        pod().to_string().replace("\"namespace\":\"shop\",", "").replace(",\"namespace\":\"shop\"", "");
    assert!(!text.contains("shop"));
    let explain = |arguments: &[&str]| run(arguments, text.as_bytes()).stdout;
    let file = ["-f", "-", "--defaults", "defaults.yml"];
    let before = explain(&[&["-n", "shop", "explain", "-o", "json"][..], &file].concat());
    assert_eq!(before, explain(&[&["explain", "-o", "json", "-n", "shop"][..], &file].concat()));
    assert!(String::from_utf8(before).unwrap().contains("\"shop\""));
    let setup = ["setup", "--identity", "kubernetes", "--project-number", "123456789012"];
    let setup = [&setup[..], &["--pool", "eks-pool", "--provider", "prod"]].concat();
    let text = String::from_utf8(run(&[&["-n", "shop"][..], &setup].concat(), b"").stdout).unwrap();
    assert!(text.contains("system:serviceaccount:shop:default"), "{text}");
}

#[test]
fn impersonation_is_sent_with_each_request() {
    let impersonated = Arc::default();
    let api = Api { objects: vec![pod()], impersonated: Arc::clone(&impersonated), ..Api::default() };
    let config = api.serve();
    let arguments = ["explain", "pod/a", "--defaults", "defaults.yml", "--as", "jane", "--as-group", "a"];
    let arguments = [&arguments[..], &["--as-group", "b"]].concat();
    assert!(Invocation::new(&arguments).kubeconfig(&config).run(b"").status.success());
    let requests = impersonated.lock().unwrap();
    assert!(requests.len() >= 2, "{requests:?}");
    assert!(requests.iter().all(|request| request == "jane a,b"), "{requests:?}");
}

#[rstest]
#[case::files(&["explain", "-f", "deployment.yaml", "--context", "here"], "'--context' cannot be used with '--filename")]
#[case::files_before(&["--as", "jane", "explain", "-f", "deployment.yaml"], "'--as' cannot be used with '--filename")]
#[case::all(&["check", "-A", "-n", "shop"], "cannot be used with")]
#[case::all_before(&["-n", "shop", "check", "-A"], "'--all-namespaces' cannot be used with '--namespace")]
#[case::group(&["check", "--as-group", "a"], "'--as-group <GROUP>' needs '--as <USER>'")]
#[case::namespace(&["check", "-n", "Shop"], "expected lower-case letters, digits and -")]
fn contradicting_options_exit_2(#[case] arguments: &[&str], #[case] message: &str) {
    let text = transcript(arguments);
    assert!(text.contains(message) && text.ends_with("[2]\n"), "{text}");
}

#[test]
fn absent_kubeconfig_is_named() {
    let text = transcript(&["check", "--kubeconfig", "absent.yaml"]);
    assert!(text.contains("absent.yaml") && text.ends_with("[2]\n"), "{text}");
}

#[rstest]
#[case::commands(&[""], &["check\t", "explain\t", "version\t"], "4")]
#[case::beginning(&["do"], &["doctor\t"], "4")]
#[case::options(&["check", "--all"], &["--all-namespaces\t"], "4")]
#[case::global_options(&["check", "--kubec"], &["--kubeconfig\t"], "4")]
#[case::values(&["check", "-o", ""], &["json\t", "text\t", "yaml\t"], "4")]
#[case::folder(&["inject", "-f", "no-man"], &["no-manifests/"], "6")]
#[case::nothing(&["check", "-n", ""], &[], "0")]
fn plugin_completion_has_the_form_of_kubectl(
    #[case] words: &[&str],
    #[case] expected: &[&str],
    #[case] directive: &str,
) {
    let output = run(&[&["__complete", "--"], words].concat(), b"");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let (last, candidates) = lines.split_last().unwrap();
    assert_eq!(*last, format!(":{directive}"), "{text}");
    for start in expected {
        assert!(candidates.iter().any(|candidate| candidate.starts_with(start)), "{start}: {text}");
    }
    assert!(!candidates.iter().any(|candidate| candidate.starts_with("__complete")), "{text}");
}

#[test]
fn man_creates_its_folder_and_keeps_examples() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man/man1");
    assert!(run(&["man", pages.to_str().unwrap()], b"").status.success());
    let mut names: Vec<_> = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let commands =
        ["", "-check", "-completions", "-doctor", "-explain", "-inject", "-man", "-setup", "-version"];
    let expected = commands.map(|command| format!("rolebridge{command}.1"));
    for name in &expected {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    let page = fs::read_to_string(pages.join("rolebridge-explain.1")).unwrap();
    let (_, examples) = page.split_once(".SH EXAMPLES\n.nf\n").unwrap();
    let example = "  rolebridge explain deployment/batch \\-n shop               an object in the cluster\n";
    assert!(examples.starts_with(example), "{page}");
    let main = fs::read_to_string(pages.join("rolebridge.1")).unwrap();
    assert!(main.contains("rolebridge\\-check(1)"), "{main}");
    assert!(main.contains(".SH EXIT CODES\n.nf\n"), "{main}");
}

#[test]
fn version_has_the_address_of_its_documentation() {
    let version = env!("CARGO_PKG_VERSION");
    let text = String::from_utf8(run(&["version"], b"").stdout).unwrap();
    assert_eq!(text, format!("rolebridge {version}\nhttps://rolebridge.github.io/rolebridge/{version}/\n"));
    let json: Value = serde_json::from_slice(&run(&["version", "-o", "json"], b"").stdout).unwrap();
    assert_eq!(json["version"], version);
}
