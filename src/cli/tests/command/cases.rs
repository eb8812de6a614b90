//! Each file of `cases/` by each command; what is said about what cannot be done; the help.

use insta::assert_snapshot;

use crate::program::{here, run, transcript};

#[test]
fn each_case() {
    for name in ["deployment", "list", "others", "refused", "misplaced"] {
        let file = format!("{name}.yaml");
        let file = &["-f", &file, "--defaults", "defaults.yml"];
        let commands = [&["inject"][..], &["inject", "--diff"]];
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
        &["inject", "-f", "broken.txt"],
        &["inject", "-f", "shape.txt"],
        &["inject", "-f", "others.yaml", "--defaults", "deployment.yaml"],
        &["inject"],
    ];
    assert_snapshot!(errors.map(transcript).join("\n"));
}

#[test]
fn documents_of_several_files_stay_apart() {
    assert_snapshot!(transcript(&["inject", "-f", "config.txt", "-f", "json.json", "-f", "config.txt"]));
}

#[test]
fn the_help() {
    for (name, arguments) in [("help", &["--help"][..]), ("help-inject", &["inject", "--help"])] {
        assert_snapshot!(name, transcript(arguments));
    }
}

#[test]
fn colours_are_for_terminals_and_for_who_forces_them() {
    let diff = |colours: bool| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_rolebridge"));
        program.args(["inject", "--diff", "-f", "deployment.yaml", "--defaults", "defaults.yml"]);
        program.current_dir(here("tests/cases")).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        if colours {
            program.env("CLICOLOR_FORCE", "1");
        }
        String::from_utf8(program.output().unwrap().stdout).unwrap()
    };
    assert!(!diff(false).contains('\u{1b}'));
    assert!(diff(true).contains("\u{1b}[32m+"));
}
