//! The command line: four commands, read by hand, since a parser would weigh more than the rest of them.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::settings::{self, Identity, Settings, SettingsError, Variables};
use crate::{doctor, log, ready, run};

const USAGE: &str = "\
Keeps a pod's subject token fresh, from the identity that the pod has.

Usage: rolebridge-sidecar COMMAND

Commands:
  run             keep the token fresh and serve it
  ready [--wait]  exit 0 if a token good for use is published; --wait: when it is
  token           write one subject token to standard output
  doctor [--json] try every hop from the projected token to Google, one line each; --json: for rolebridge doctor

Settings are environment variables: ROLEBRIDGE_AUDIENCE and ROLEBRIDGE_TOKEN_FILE, and for an IAM role AWS_ROLE_ARN,
AWS_ROLE_SESSION_NAME, AWS_WEB_IDENTITY_TOKEN_FILE and AWS_REGION.
";

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Run,
    Ready { wait: bool },
    Token,
    Doctor(doctor::Form),
    Help,
    Version,
}

impl Command {
    fn parse(arguments: &[&str]) -> Option<Self> {
        Some(match arguments {
            ["run"] => Self::Run,
            ["ready"] => Self::Ready { wait: false },
            ["ready", "--wait"] => Self::Ready { wait: true },
            ["token"] => Self::Token,
            ["doctor"] => Self::Doctor(doctor::Form::Text),
            ["doctor", "--json"] => Self::Doctor(doctor::Form::Json),
            ["--help" | "-h" | "help"] => Self::Help,
            ["--version" | "-V"] => Self::Version,
            _ => return None,
        })
    }
}

/// Does what `arguments`, without the program's name, ask for. Exits with 0, 1 for a fault, or 2 for arguments that
/// are not understood.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let variable = |name: &str| std::env::var_os(name);
    let variables = Variables::new(&variable);
    match Command::parse(&arguments) {
        Some(Command::Run) => run_command(&variables),
        Some(Command::Ready { wait }) => exit(ready_command(&variables, wait)),
        Some(Command::Token) => exit(token_command(&variables)),
        Some(Command::Doctor(form)) => exit(doctor::run(&variables, form, &mut io::stdout().lock())),
        Some(Command::Help) => exit(print(USAGE)),
        Some(Command::Version) => {
            exit(print(concat!("rolebridge-sidecar ", env!("CARGO_PKG_VERSION"), "\n")))
        }
        None => {
            complain(USAGE);
            ExitCode::from(2)
        }
    }
}

/// What ends it goes to the termination log too, so that the pod's status shows it.
fn run_command(variables: &Variables<'_>) -> ExitCode {
    let started = Settings::read(variables).map_err(|error| said(&error)).and_then(|settings| {
        log::start(settings.log_level).map_err(|error| error.to_string())?;
        Ok(settings)
    });
    let settings = match started {
        Ok(settings) => settings,
        Err(why) => {
            run::say_why(&why);
            return exit(Err(why));
        }
    };
    match run::run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("{why}");
            run::say_why(&why);
            ExitCode::FAILURE
        }
    }
}

fn ready_command(variables: &Variables<'_>, wait: bool) -> Result<(), String> {
    let token_file = settings::token_file(variables).map_err(|error| said(&error))?;
    let outputs = settings::outputs(variables, &token_file).map_err(|error| said(&error))?;
    if wait { ready::wait(token_file, &outputs) } else { ready::ready(token_file, &outputs) }
}

fn token_command(variables: &Variables<'_>) -> Result<(), String> {
    let identity = Identity::read(variables).map_err(|error| said(&error))?;
    let level = settings::log_level(variables).map_err(|error| said(&error))?;
    log::start(level).map_err(|error| error.to_string())?;
    print(run::token(identity)?.expose())
}

fn said(error: &SettingsError) -> String {
    error.to_string()
}

fn print(text: &str) -> Result<(), String> {
    io::stdout().write_all(text.as_bytes()).map_err(|error| format!("standard output: {error}"))
}

fn complain(text: impl Display) {
    // There is nowhere left to say that standard error is closed.
    let _ = write!(io::stderr(), "{text}");
}

fn exit(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(format_args!("{why}\n"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("run", Some(Command::Run))]
    #[case("ready", Some(Command::Ready { wait: false }))]
    #[case("ready --wait", Some(Command::Ready { wait: true }))]
    #[case("token", Some(Command::Token))]
    #[case("--help", Some(Command::Help))]
    #[case("", None)]
    #[case("run --wait", None)]
    #[case("ready --wait --wait", None)]
    #[case("doctor", Some(Command::Doctor(doctor::Form::Text)))]
    #[case("doctor --json", Some(Command::Doctor(doctor::Form::Json)))]
    #[case("doctor --text", None)]
    fn arguments(#[case] line: &str, #[case] command: Option<Command>) {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(Command::parse(&arguments), command);
    }
}
