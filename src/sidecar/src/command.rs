//! The command line. Its four commands are parsed by hand, because a parser would be larger than the rest of the program.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use rolebridge_core::diagnostics::SIGN_ARG;
use rolebridge_telemetry::log;

use crate::doctor::{DoctorOptions, OutputFormat};
use crate::error::Failure;
use crate::settings::{self, Env, IdentitySettings, Settings};
use crate::{doctor, run, startup_probe};

const USAGE: &str = "\
Keeps a pod's subject token fresh, from the identity that the pod has.

Usage: rolebridge-sidecar COMMAND

Commands:
  run             keep the token fresh and serve it
  ready [--wait]  exit 0 if a valid token is published; --wait: wait for it
  token           write one subject token to standard output
  doctor [--json] [--sign]
                  try each step from the projected token to Google, one line each; --json: for rolebridge doctor;
                  --sign: also sign as the service account, as an app that makes signed URLs

Settings are environment variables: ROLEBRIDGE_AUDIENCE and ROLEBRIDGE_TOKEN_FILE, and for an IAM role AWS_ROLE_ARN,
AWS_ROLE_SESSION_NAME, AWS_WEB_IDENTITY_TOKEN_FILE and AWS_REGION.
";

/// A command with its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Run,
    Ready { wait: bool },
    Token,
    Doctor(DoctorOptions),
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
            ["doctor", options @ ..] => Self::Doctor(doctor_options(options)?),
            ["--help" | "-h" | "help"] => Self::Help,
            ["--version" | "-V"] => Self::Version,
            _ => return None,
        })
    }
}

/// Parses the options of `doctor`, in this order, so that each is given once at most.
fn doctor_options(options: &[&str]) -> Option<DoctorOptions> {
    let (format, rest) = match options {
        ["--json", rest @ ..] => (OutputFormat::Json, rest),
        rest => (OutputFormat::Text, rest),
    };
    match rest {
        [] => Some(DoctorOptions { format, sign: false }),
        [option] if *option == SIGN_ARG => Some(DoctorOptions { format, sign: true }),
        _ => None,
    }
}

/// Runs the command in `arguments`, which do not include the program's name. Returns the exit code: 0 for success, 1 for
/// an error, 2 for invalid arguments.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let variable = |name: &str| std::env::var_os(name);
    let env = Env::new(&variable);
    match Command::parse(&arguments) {
        Some(Command::Run) => run_command(&env),
        Some(Command::Ready { wait }) => exit_code(ready_command(&env, wait)),
        Some(Command::Token) => exit_code(token_command(&env)),
        Some(Command::Doctor(options)) => exit_code(doctor::run(&env, options, &mut io::stdout().lock())),
        Some(Command::Help) => exit_code(print(USAGE)),
        Some(Command::Version) => {
            exit_code(print(concat!("rolebridge-sidecar ", env!("CARGO_PKG_VERSION"), "\n")))
        }
        None => {
            print_error(USAGE);
            ExitCode::from(2)
        }
    }
}

/// Runs until a signal arrives. An error is written to the termination log too, so that the pod's status shows it.
fn run_command(env: &Env<'_>) -> ExitCode {
    let settings = Settings::read(env).map_err(Failure::from).and_then(|settings| {
        start_log(settings.log_level)?;
        Ok(settings)
    });
    let settings = match settings {
        Ok(settings) => settings,
        Err(failure) => {
            run::write_termination_message(&failure);
            return exit_code(Err(failure));
        }
    };
    match run::run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!(remediation = failure.remediation, "{}", failure.message);
            run::write_termination_message(&failure);
            ExitCode::FAILURE
        }
    }
}

fn ready_command(env: &Env<'_>, wait: bool) -> Result<(), Failure> {
    let token_file = settings::token_file(env)?;
    let token_files = settings::token_files(env, &token_file)?;
    let config_files = settings::config_files(env)?;
    if wait {
        startup_probe::wait(token_file, &token_files, &config_files)
    } else {
        startup_probe::ready(token_file, &token_files, &config_files)
    }
}

fn token_command(env: &Env<'_>) -> Result<(), Failure> {
    let identity = IdentitySettings::read(env)?;
    start_log(settings::log_level(env)?)?;
    print(run::token(identity)?.expose())
}

fn start_log(level: tracing::level_filters::LevelFilter) -> Result<(), Failure> {
    log::init(env!("CARGO_CRATE_NAME"), level, io::stderr).map_err(|error| Failure::new(error.to_string()))
}

fn print(text: &str) -> Result<(), Failure> {
    let result = io::stdout().write_all(text.as_bytes());
    result.map_err(|error| Failure::new(format!("failed to write to standard output: {error}")))
}

fn print_error(text: impl Display) {
    // There is nowhere else to report that standard error is closed.
    let _ = write!(io::stderr(), "{text}");
}

fn exit_code(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print_error(format_args!("{failure}\n"));
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
    #[case("doctor", doctor(OutputFormat::Text, false))]
    #[case("doctor --json", doctor(OutputFormat::Json, false))]
    #[case("doctor --sign", doctor(OutputFormat::Text, true))]
    #[case("doctor --json --sign", doctor(OutputFormat::Json, true))]
    #[case("doctor --json --json", None)]
    #[case("doctor --sign --sign", None)]
    #[case("doctor --text", None)]
    fn command_parses_exact_arguments_only(#[case] line: &str, #[case] command: Option<Command>) {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(Command::parse(&arguments), command);
    }

    #[expect(clippy::unnecessary_wraps, reason = "the cases compare it with an optional command")]
    fn doctor(format: OutputFormat, sign: bool) -> Option<Command> {
        Some(Command::Doctor(DoctorOptions { format, sign }))
    }
}
