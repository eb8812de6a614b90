//! Runs the parsed command and maps its result to an exit code.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::{Cli, Command};
use crate::commands::{check, doctor, explain, inject, setup};
use crate::error::CliError;
use crate::output::{Console, write_script};

/// Runs a command, writes its error to standard error, and returns its exit code.
pub(crate) fn run(cli: Cli) -> ExitCode {
    match execute(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of a pipe closed it early, as `head` does.
        Err(CliError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // A failure to write to standard error cannot be reported anywhere.
            let _ = Console::stderr().error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn execute(command: Command) -> Result<(), CliError> {
    match command {
        Command::Inject { files, input, diff } => inject::run(&files, input, diff),
        Command::Explain { target, files, input, cluster, output } => {
            explain::run(target.as_ref(), &files, input, &cluster, output, &mut Console::stdout())
        }
        Command::Doctor { args, input, cluster, output } => {
            doctor::run(&args, &input, &cluster, output, &mut Console::stdout())
        }
        Command::Setup { args, output } => {
            setup::run(*args, output, &mut Console::stdout(), &mut Console::stderr())
        }
        Command::Check { args, output } => check::run(&args, output, &mut Console::stdout()),
        Command::Completions { shell } => write_completions(shell),
        Command::Man { folder } => write_man_pages(&folder),
    }
}

fn write_completions(shell: Shell) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rolebridge", &mut script);
    write_script(&script)
}

fn write_man_pages(folder: &Path) -> Result<(), CliError> {
    clap_mangen::generate_to(Cli::command(), folder)
        .map_err(|source| CliError::File { path: folder.to_owned(), source })
}
