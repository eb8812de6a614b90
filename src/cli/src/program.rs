//! The command line under the name by which it was called: `rolebridge`, or `kubectl rolebridge` as a plugin of kubectl.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, FromArgMatches};

use crate::args::{self, Cli};

/// The name of the file that kubectl runs as the plugin `rolebridge`.
const PLUGIN: &str = "kubectl-rolebridge";

/// Parses the command line. Its first word is the program.
///
/// Exits with a message if the command line is invalid.
pub(crate) fn parse(words: Vec<OsString>) -> Cli {
    let mut command = named_after(words.first());
    let matches = command.try_get_matches_from_mut(words).unwrap_or_else(|error| error.exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit());
    if let Some(message) = contradiction(&cli) {
        let subcommand = matches.subcommand_name().and_then(|name| command.find_subcommand_mut(name));
        if let Some(subcommand) = subcommand {
            subcommand.error(ErrorKind::ArgumentConflict, message).exit();
        }
    }
    cli
}

/// Returns the error of options that contradict each other. clap compares only options on the same side of the subcommand.
fn contradiction(cli: &Cli) -> Option<String> {
    let conflict =
        |option: &str, other: &str| Some(format!("the argument '{option}' cannot be used with '{other}'"));
    let kubectl = &cli.kubectl;
    match &cli.command {
        args::Command::Explain { files, .. } if !files.is_empty() => {
            kubectl.cluster_option().and_then(|option| conflict(option, "--filename <FILE>"))
        }
        args::Command::Check { args, .. } if args.all_namespaces && kubectl.namespace.is_some() => {
            conflict("--all-namespaces", "--namespace <NAMESPACE>")
        }
        _ if kubectl.impersonated_user.is_none() && !kubectl.impersonated_groups.is_empty() => {
            Some("the argument '--as-group <GROUP>' needs '--as <USER>'".to_owned())
        }
        _ => None,
    }
}

/// Returns the command line as a program of this name shows it.
fn named_after(program: Option<&OsString>) -> Command {
    let name = program.and_then(|program| Path::new(program).file_stem());
    if name == Some(OsStr::new(PLUGIN)) { as_plugin(Cli::command()) } else { Cli::command() }
}

fn as_plugin(command: Command) -> Command {
    let names: Vec<_> =
        command.get_subcommands().map(|subcommand| subcommand.get_name().to_owned()).collect();
    let rename = |command: Command| match command.get_after_help().map(ToString::to_string) {
        Some(help) => command.after_help(with_plugin_name(&help, &names)),
        None => command,
    };
    let command = rename(command).bin_name("kubectl rolebridge");
    names.iter().fold(command, |command, name| command.mut_subcommand(name, rename))
}

/// Replaces the program in examples, and moves the notes next to them as far as the examples become longer.
fn with_plugin_name(help: &str, commands: &[String]) -> String {
    const NOTE_COLUMN: usize = 30;
    let prefix = "kubectl ";
    let rename = |line: &str| {
        let renamed = commands.iter().fold(line.to_owned(), |line, command| {
            line.replace(&format!("rolebridge {command} "), &format!("{prefix}rolebridge {command} "))
        });
        let is_note = line.len() - line.trim_start().len() > NOTE_COLUMN;
        if is_note { format!("{:width$}{line}", "", width = prefix.len()) } else { renamed }
    };
    help.lines().map(rename).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
        as_plugin(Cli::command()).debug_assert();
    }

    #[test]
    fn examples_of_the_plugin_begin_with_kubectl_and_keep_their_columns() {
        let commands = ["check".to_owned(), "doctor".to_owned()];
        let column = " ".repeat(31);
        let help =
            format!("a | rolebridge check -  note\n{column}more\nkubectl exec -c rolebridge -- doctor");
        let expected = format!(
            "a | kubectl rolebridge check -  note\n        {column}more\nkubectl exec -c rolebridge -- doctor"
        );
        assert_eq!(with_plugin_name(&help, &commands), expected);
    }
}
