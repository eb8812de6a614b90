//! Runs the parsed command and maps its result to an exit code.

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::{Cli, Command};
use crate::commands::{check, complete, doctor, explain, inject, man, setup, version};
use crate::error::CliError;
use crate::output::{Console, write_script};

/// Runs a command, writes its error to standard error, and returns its exit code.
pub(crate) fn run(cli: Cli) -> ExitCode {
    match execute(cli) {
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

fn execute(cli: Cli) -> Result<(), CliError> {
    let kubectl = &cli.kubectl;
    match cli.command {
        Command::Inject { files, input, diff } => inject::run(&files, &input, kubectl, diff),
        Command::Explain { target, files, input, cluster, output } => {
            explain::run(target.as_ref(), &files, &input, &cluster, kubectl, output, &mut Console::stdout())
        }
        Command::Doctor { args, input, cluster, output } => {
            doctor::run(&args, &input, &cluster, kubectl, output, &mut Console::stdout())
        }
        Command::Setup { args, output } => {
            let namespace = kubectl.namespace.as_deref();
            setup::run(*args, namespace, output, &mut Console::stdout(), &mut Console::stderr())
        }
        Command::Check { args, output } => check::run(&args, kubectl, output, &mut Console::stdout()),
        Command::Completions { shell } => write_completions(shell),
        Command::Complete { words } => complete::run(Cli::command(), words, &mut Console::stdout()),
        Command::Man { folder } => man::run(Cli::command(), &folder),
        Command::Version { output } => version::run(output, &mut Console::stdout()),
    }
}

fn write_completions(shell: Shell) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rolebridge", &mut script);
    write_script(&script)
}
