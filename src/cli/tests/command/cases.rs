//! Each file of `cases/` by each command; what is said about what cannot be done; the help.

use insta::assert_snapshot;

use crate::program::{Asked, here, run, transcript};

#[test]
fn each_case() {
    for name in ["deployment", "list", "others", "refused", "misplaced"] {
        let file = format!("{name}.yaml");
        let file = &["-f", &file, "--defaults", "defaults.yml"];
        let commands = [&["inject"][..], &["inject", "--diff"], &["explain"]];
        let transcripts = commands.map(|command| transcript(&[command, file].concat()));
        assert_snapshot!(format!("case-{name}"), transcripts.join("\n"));
    }
}

#[test]
fn what_is_not_injected_goes_out_byte_for_byte() {
    let text = std::fs::read(here("tests/cases/others.yaml")).unwrap();
    assert_eq!(run(&["inject", "-f", "others.yaml"], b"").stdout, text);
    assert_eq!(run(&["inject", "-f", "-"], &text).stdout, text);
}

#[test]
fn what_cannot_be_done_is_said() {
    let errors = [
        &["inject", "-f", "absent.yaml"][..],
        &["inject", "-f", "nothing"],
        &["inject", "-f", "-"],
        &["inject", "-f", "broken.txt"],
        &["inject", "-f", "duplicate.txt"],
        &["inject", "-f", "directive.txt"],
        &["inject", "-f", "shape.txt"],
        &["inject", "-f", "nospec.txt"],
        &["inject", "-f", "others.yaml", "--defaults", "deployment.yaml"],
        &["inject"],
        &["explain"],
        &["explain", "service/a"],
        &["explain", "-f", "deployment.yaml", "deployment/other"],
        &["explain", "-f", "config.txt"],
    ];
    assert_snapshot!(errors.map(transcript).join("\n"));
}

#[test]
fn documents_of_several_files_stay_apart() {
    assert_snapshot!(transcript(&["inject", "-f", "config.txt", "-f", "json.json", "-f", "config.txt"]));
}

#[test]
fn objects_of_json_may_follow_one_another() {
    let one = std::fs::read(here("tests/cases/json.json")).unwrap();
    let injected = |input: &[u8]| run(&["inject", "-f", "-"], input).stdout;
    let alone = injected(&one);
    assert_eq!(injected(&one.repeat(2)), [&alone[..], &alone].join(&b"---\n"[..]));
}

#[test]
fn what_is_injected_already_is_shown_and_stays() {
    let file = ["-f", "deployment.yaml", "--defaults", "defaults.yml"];
    let injected = run(&[&["inject"][..], &file].concat(), b"").stdout;
    let again = ["-f", "-", "--defaults", "defaults.yml"];
    assert_eq!(run(&[&["inject"][..], &again].concat(), &injected).stdout, injected);
    let explained = run(&[&["explain"][..], &again].concat(), &injected).stdout;
    assert_snapshot!(String::from_utf8(explained).unwrap());
}

#[test]
fn explanations_for_programs() {
    for format in ["json", "yaml"] {
        let arguments = [
            "explain",
            "deployment/batch",
            "-f",
            "deployment.yaml",
            "--defaults",
            "defaults.yml",
            "-o",
            format,
        ];
        assert_snapshot!(format!("explain-{format}"), transcript(&arguments));
    }
}

#[test]
fn the_help() {
    assert_snapshot!("help", transcript(&["--help"]));
    for command in ["inject", "explain", "doctor", "setup", "check", "completions", "man"] {
        assert_snapshot!(format!("help-{command}"), transcript(&[command, "--help"]));
    }
}

#[test]
fn completions_and_the_manual() {
    for shell in ["bash", "zsh", "fish"] {
        let script = String::from_utf8(run(&["completions", shell], b"").stdout).unwrap();
        assert!(script.contains("release-namespace"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(run(&["man", folder.path().to_str().unwrap()], b"").status.success());
    let page = std::fs::read_to_string(folder.path().join("rolebridge-explain.1")).unwrap();
    assert!(page.contains("release\\-namespace"), "{page}");
    assert!(transcript(&["man", "absent"]).ends_with("[2]\n"));
}

#[test]
fn colours_are_for_terminals_and_for_who_forces_them() {
    let arguments = ["inject", "--diff", "-f", "deployment.yaml", "--defaults", "defaults.yml"];
    assert!(!Asked::new(&arguments).transcript().contains('\u{1b}'));
    let forced = Asked::new(&arguments).env("CLICOLOR_FORCE", "1").transcript();
    assert!(forced.contains("\u{1b}[32m+"));
    let unwanted = Asked::new(&arguments).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").transcript();
    assert!(!unwanted.contains('\u{1b}'));
}
